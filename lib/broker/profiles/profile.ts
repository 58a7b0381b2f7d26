import type { Grant } from '../../zitadel/grant.ts';
import type { RolePattern } from './caller.ts';
import type { ExchangeRules } from './exchange-rules.ts';

/** The application that introspects, and who may ask it. */
export interface Introspection {
  readonly secret: string;
  /** The callers of the profile where there are none. */
  readonly callers?: readonly RolePattern[];
}

/** The OIDC application that revokes, and who may: nobody but those named. */
export interface Revocation {
  readonly secret: string;
  /** As in the secret, which then need not be read for it: it is asked for as an audience with every token. */
  readonly clientId?: string;
  readonly callers: readonly RolePattern[];
}

/** A named way to obtain tokens. */
export interface Profile {
  readonly name: string;
  /** Scheme, host and port; no path, no trailing slash. */
  readonly issuer: string;
  /** Name or ARN of the secret that holds the credential. */
  readonly secret: string;
  /** Sorted: asked for by default, and the most that a caller may ask for. */
  readonly scopes: readonly string[];
  readonly callers: readonly RolePattern[];
  readonly grant?: Grant;
  /** The profile whose token is exchanged for one of this profile. */
  readonly subject?: string;
  /** Of a profile with a subject: the scopes that the subject's tokens have. */
  readonly inherited?: readonly string[];
  readonly introspection?: Introspection;
  /** How long an active answer of introspection is kept; 0: not at all. */
  readonly introspectionCacheMs: number;
  readonly revocation?: Revocation;
  /** What callers may exchange for what. */
  readonly exchange?: ExchangeRules;
  readonly prewarm: boolean;
  /** Callers wait for a renewal once less than this is left. */
  readonly minValidityMs: number;
  /** No token older than this is handed out. */
  readonly maxAgeMs?: number;
}

export type Profiles = ReadonlyMap<string, Profile>;

/** One thing wrong with the profiles, and where: the path of keys and indices in the document. */
export interface ProfileFault {
  readonly path: readonly (string | number)[];
  /** What to do, in words that follow the name of the field. */
  readonly problem: string;
}

/** Whether a text can name a profile: what stands in a path may be anything. */
export const isProfileName = (text: string): boolean => /^[a-z][a-z0-9-]{0,62}$/.test(text);

/** Whether a profile has tokens of its own to hand out, not only callers' tokens to exchange. */
export const hasOwnTokens = ({ exchange, subject, grant }: Profile): boolean =>
  exchange === undefined || subject !== undefined || (grant !== undefined && grant !== 'token-exchange');
