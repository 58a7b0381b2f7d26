import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import { REQUEST_MS } from '../../core/limits.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type EpochMs, SECOND_MS } from '../../core/time.ts';
import type { TokenResponse } from '../../oauth/token-response.ts';
import { foreignAudience, jwtAudience } from '../../zitadel/audience.ts';
import type { Introspect } from '../introspection/introspect.ts';
import type { Profile } from '../profiles/profile.ts';
import { LEAST_LEFT_MS, type Token, tokenLife } from '../token/freshness.ts';

/** If a request takes longer than this, the sandbox was frozen. */
const LONGEST_REQUEST_MS = REQUEST_MS + SECOND_MS;

/** The life of a token on arrival; a token with too little time left is a failure. */
export function receivedLife(
  lifeMs: number,
  { askedAt, now, maxAgeMs, random }: { askedAt: EpochMs; now: EpochMs; maxAgeMs: number | undefined; random: number },
): Result<ReturnType<typeof tokenLife>, BrokerError> {
  const tookMs = now - askedAt;
  // After a freeze, the caller tries again.
  if (lifeMs < LEAST_LEFT_MS || (tookMs <= LONGEST_REQUEST_MS && lifeMs - tookMs < LEAST_LEFT_MS)) {
    const detail = `the token lives ${lifeMs / SECOND_MS} s, of which the request took ${tookMs} ms; less than 5 s is too short`;
    return fail({ kind: 'unexpected_answer', detail });
  }
  return ok(tokenLife(askedAt, { lifeMs, maxAgeMs, random }));
}

/** The audiences that an exchanged token may have. */
export interface AudienceCheck {
  readonly audiences: readonly string[];
  /** Whether an opaque token may be introspected: there is time, and the token is an access token. */
  readonly mayAsk: boolean;
}

export interface ReceiveDeps {
  readonly clock: Clock;
  /** From [0, 1). */
  readonly random: () => number;
  readonly introspect: Introspect;
}

/**
 * Whether an exchanged token has an audience that was not requested: ZITADEL copies the subject's whole audience if a
 * request names none. Parses a JWT; introspects an opaque token if the profile has introspection.
 */
async function isWider(
  token: Redacted<string>,
  profile: Profile,
  { audiences, mayAsk }: AudienceCheck,
  introspect: Introspect,
): Promise<boolean> {
  let found = jwtAudience(token);
  if (found === undefined && profile.introspection !== undefined && mayAsk) {
    const asked = await introspect(profile, token);
    found = asked.ok ? asked.value.introspection.audience : undefined;
  }
  return found !== undefined && foreignAudience(found, audiences) !== undefined;
}

/**
 * The token in a response to a request that was sent at `askedAt`.
 * @param check for an exchange; a wider audience than requested is a failure, for safety (SECURITY.md)
 */
export async function receiveToken(
  { accessToken, lifeMs, scope }: TokenResponse,
  { profile, askedAt, check }: { profile: Profile; askedAt: EpochMs; check?: AudienceCheck | undefined },
  { clock, random, introspect }: ReceiveDeps,
): Promise<Result<Token, BrokerError>> {
  const { name, maxAgeMs } = profile;
  const life = receivedLife(lifeMs, { askedAt, now: clock.now(), maxAgeMs, random: random() });
  if (!life.ok) return life;
  if (check !== undefined && (await isWider(accessToken, profile, check, introspect))) {
    const detail = `profile ${name}: the exchanged token has a wider audience than requested`;
    return fail({ kind: 'unexpected_answer', detail });
  }
  return ok({ accessToken, ...(scope === undefined ? {} : { scope }), ...life.value });
}
