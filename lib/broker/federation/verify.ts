import { compactVerify, createLocalJWKSet, type JWK } from 'jose';
import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { FederatedPrincipal } from '../profiles/caller.ts';
import type { FederatedIssuer } from '../profiles/federated-caller.ts';
import type { Profiles } from '../profiles/profile.ts';
import { type IssuerKeys, type Keys, REREAD_MS } from './issuer-keys.ts';
import { judge } from './judge.ts';
import { parseJws } from './jws.ts';

/** Values of `client_assertion_type`: RFC 7523 §2.2, and draft-ietf-oauth-spiffe-client-auth. */
export const ASSERTION_TYPE = {
  jwtBearer: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  jwtSpiffe: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
} as const;

/** What a caller sent to say who it is. */
export interface Assertion {
  readonly type: string;
  readonly jwt: string;
  /** The values of `aud` that are this broker and profile. */
  readonly audiences: readonly string[];
}

export type VerifyAssertion = (assertion: Assertion) => Promise<Result<FederatedPrincipal, BrokerError>>;

const refused = (detail: string) => fail<BrokerError>({ kind: 'assertion_refused', detail });

/** The issuers that the profiles use, by their exact `iss` or trust domain. */
const issuersOf = (profiles: Profiles): ReadonlyMap<string, FederatedIssuer> =>
  new Map(
    [...profiles.values()].flatMap(({ federated = [] }) =>
      federated.map(({ issuer }) => [issuer.issuer, issuer] as const),
    ),
  );

/** The trust domain of a SPIFFE ID, as the issuers are named. */
const trustDomainOf = (sub: unknown): string =>
  (typeof sub === 'string' ? /^spiffe:\/\/[a-z0-9._-]{1,255}(?=\/)/.exec(sub)?.[0] : undefined) ?? '';

/** A SPIFFE bundle marks the keys of JWT-SVIDs by a use of its own (SPIFFE JWT-SVID §4); `jose` reads only `sig`. */
const forSignatures = (key: JWK): JWK => (key.use === 'jwt-svid' ? { ...key, use: 'sig' } : key);

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** The keys of an issuer as `jose` has imported them: once for each reading, not for each assertion. */
const imported = new WeakMap<Keys, KeySet>();

function importKeys(keys: Keys): KeySet {
  const set = imported.get(keys) ?? createLocalJWKSet({ keys: (keys as JWK[]).map(forSignatures) });
  imported.set(keys, set);
  return set;
}

/** Whether one of the keys made the signature. A key of another type or algorithm, or a broken one, did not. */
async function isSigned(jwt: string, keys: Keys, { algorithms }: FederatedIssuer): Promise<boolean> {
  try {
    await compactVerify(jwt, importKeys(keys), { algorithms: [...algorithms] });
    return true;
  } catch {
    return false;
  }
}

/** Creates the verification of assertions. Only configured issuers are ever contacted, and only for sound assertions. */
export function createVerifyAssertion({
  clock,
  profiles,
  keys,
}: {
  readonly clock: Clock;
  readonly profiles: Profiles;
  readonly keys: IssuerKeys;
}): VerifyAssertion {
  const issuers = issuersOf(profiles);

  return async ({ type, jwt, audiences }) => {
    const parsed = parseJws(jwt);
    if (!parsed.ok) return refused(parsed.error);
    const { header, claims } = parsed.value;
    const isSpiffe = type === ASSERTION_TYPE.jwtSpiffe;
    const issuer = issuers.get(isSpiffe ? trustDomainOf(claims.sub) : String(claims.iss));
    if (issuer === undefined || (issuer.kind === 'spiffe') !== isSpiffe)
      return refused('client_assertion is of an issuer that the broker does not trust');
    if (!issuer.algorithms.some((algorithm) => algorithm === header.alg))
      return refused('client_assertion is signed with an algorithm that its issuer does not use');
    const judged = judge(claims, issuer, audiences, clock.now());
    if (!judged.ok) return refused(judged.error);
    const known = await keys.get(issuer, header.kid);
    if (!known.ok) {
      const detail = `the keys of the issuer ${issuer.name} cannot be read: ${known.error}`;
      return fail({ kind: 'unavailable', dependency: 'issuer', detail, retryAfterMs: REREAD_MS });
    }
    if (!(await isSigned(jwt, known.value, issuer))) return refused('client_assertion has no valid signature');
    // Reading the keys took time.
    const stillValid = judge(claims, issuer, audiences, clock.now());
    if (!stillValid.ok) return refused(stillValid.error);
    return ok({ kind: 'federated', issuer: issuer.name, subject: stillValid.value, claims });
  };
}
