import type { JsonWebKey } from 'node:crypto';

/** The kinds of issuers; each has its own claims (issuer-kinds.ts). */
export const ISSUER_KINDS = ['github', 'gitlab', 'kubernetes', 'aws', 'spiffe', 'oidc'] as const;
export type IssuerKind = (typeof ISSUER_KINDS)[number];

/** The signature algorithms (RFC 7518 §3.1, RFC 8037) that an issuer may use; never a symmetric one, never `none`. */
export const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'PS256', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** An issuer of assertions that the profiles name. No other is ever contacted. */
export interface FederatedIssuer {
  /** As in `issuers`: for the log. */
  readonly name: string;
  readonly kind: IssuerKind;
  /** The exact `iss`; of `spiffe`, the trust domain as `spiffe://{trust domain}`. */
  readonly issuer: string;
  /** Of `spiffe`, whose tokens need none: the exact `iss` of those that have one. Absent: any text. */
  readonly iss?: string;
  readonly algorithms: readonly Algorithm[];
  /** The greatest age of an assertion, by its `iat`. Absent: its whole life, which is at most a day. */
  readonly maxAgeMs?: number;
  /** Where the keys are, if not where the issuer's metadata says. */
  readonly jwksUri?: string;
  /** The keys themselves: nothing is contacted. */
  readonly jwks?: readonly JsonWebKey[];
}

/** One claim and its value. */
export interface ClaimRule {
  /** Members from the outermost in. */
  readonly claim: readonly string[];
  /** The value, or a prefix of values. */
  readonly value: string;
  /** Of a prefix, what follows has no `/` and no `:`. */
  readonly isPrefix: boolean;
}

/** Workloads of one issuer that may use a profile: those whose claims satisfy every rule. */
export interface FederatedCaller {
  readonly issuer: FederatedIssuer;
  readonly rules: readonly ClaimRule[];
}
