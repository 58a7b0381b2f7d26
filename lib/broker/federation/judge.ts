import { fail, ok, type Result } from '../../core/result.ts';
import { DAY_MS, type EpochMs, HOUR_MS, SECOND_MS } from '../../core/time.ts';
import type { FederatedIssuer, IssuerKind } from '../profiles/federated-caller.ts';
import { AWS_CLAIMS } from '../profiles/issuer-kinds.ts';

type Claims = Readonly<Record<string, unknown>>;

/** How far the issuer's clock may be ahead. */
const AHEAD_MS = 30 * SECOND_MS;

/** How far ahead `exp` may be: an assertion that lives longer is a secret to keep. */
const LONGEST_LIFE_MS: Readonly<Partial<Record<IssuerKind, number>>> = { spiffe: HOUR_MS };

/** RFC 7519 §4.1.2 has no limit; names of 255 printable characters are enough for all kinds. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;

const isInstant = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 && value < Number.MAX_SAFE_INTEGER / SECOND_MS;

/** What is wrong with `exp`, `iat` and `nbf`. */
function faultOfTimes(
  { exp, iat, nbf }: Claims,
  { kind, maxAgeMs }: FederatedIssuer,
  now: EpochMs,
): string | undefined {
  const longestMs = LONGEST_LIFE_MS[kind] ?? DAY_MS;
  if (!isInstant(exp)) return 'has no exp';
  if (exp * SECOND_MS <= now) return 'has expired';
  if (exp * SECOND_MS > now + longestMs + AHEAD_MS) return 'expires too far ahead';
  if (nbf !== undefined && (!isInstant(nbf) || nbf * SECOND_MS > now + AHEAD_MS)) return 'is not valid yet';
  if (iat === undefined && kind === 'spiffe' && maxAgeMs === undefined) return undefined;
  if (!isInstant(iat) || iat > exp) return 'has no iat';
  if (iat * SECOND_MS > now + AHEAD_MS) return 'was issued in the future';
  if (now - iat * SECOND_MS > (maxAgeMs ?? longestMs)) return 'is too old: request a new one for each token request';
  return (exp - iat) * SECOND_MS > longestMs ? 'lives too long' : undefined;
}

/** Whether the audience is exactly one of those that are this broker: as a text, or as a list of one (RFC 7519 §4.1.3). */
function isForUs(aud: unknown, audiences: readonly string[]): boolean {
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  return typeof only === 'string' && audiences.includes(only);
}

const nested = (claims: Claims, name: string): Claims => {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === 'object' && value !== null ? (value as Claims) : {};
};

/** Events and pipelines whose code, or branch name, is a stranger's choice; a child pipeline does not say whether its parent is one. */
const FOREIGN_EVENT = /^(?:pull_request|merge_request|external_pull_request|parent_pipeline)/;

const eventFault = (event: unknown): string | undefined =>
  typeof event !== 'string' || FOREIGN_EVENT.test(event) ? 'is of a pull or merge request, or does not say' : undefined;

/** What a kind must never be, whatever a profile lists. */
const KIND_FAULT: Readonly<Partial<Record<IssuerKind, (claims: Claims) => string | undefined>>> = {
  github: ({ event_name }) => eventFault(event_name),
  gitlab: ({ pipeline_source }) => eventFault(pipeline_source),
  aws: (claims) => {
    // In any mode, principal_id is the ARN of who asked STS; in AWSIdentity, sub is the same.
    const { subject_mode: mode = 'AWSIdentity', principal_id: asked = claims.sub } = {
      ...claims,
      ...nested(claims, AWS_CLAIMS),
    };
    return mode === 'AWSIdentity' && asked === claims.sub ? undefined : 'names another subject than the AWS identity';
  },
};

/**
 * Judges the claims of an assertion (RFC 7523 §3, RFC 8725), its signature apart.
 * @param audiences the values of `aud` that are this broker and profile
 * @returns the subject, or what is wrong, which repeats nothing of it
 */
export function judge(
  claims: Claims,
  issuer: FederatedIssuer,
  audiences: readonly string[],
  now: EpochMs,
): Result<string, string> {
  const wrong = (what: string) => fail(`client_assertion ${what}`);
  const { iss, sub, aud } = claims;
  const isIssuerless = issuer.kind === 'spiffe';
  const isIssuers = isIssuerless
    ? iss === undefined || (typeof iss === 'string' && (issuer.iss ?? iss) === iss)
    : iss === issuer.issuer;
  if (!isIssuers) return wrong('is of another issuer');
  if (typeof sub !== 'string' || !SUBJECT.test(sub)) return wrong('has no usable sub');
  if (isIssuerless && !sub.startsWith(`${issuer.issuer}/`)) return wrong('is of another trust domain');
  if (!isForUs(aud, audiences)) return wrong(`must have one aud: ${audiences.join(' or ')}`);
  const fault = faultOfTimes(claims, issuer, now) ?? KIND_FAULT[issuer.kind]?.(claims);
  return fault === undefined ? ok(sub) : wrong(fault);
}
