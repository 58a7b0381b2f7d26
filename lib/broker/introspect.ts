import type { Clock } from '../core/clock.ts';
import { digest } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import type { Redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, plus, SECOND_MS } from '../core/time.ts';
import type { Send } from '../oauth/transport.ts';
import { buildIntrospectionRequest, type Introspection, judgeIntrospection } from '../zitadel/introspection.ts';
import { getApplication, toAttemptFailure } from './application.ts';
import { createBoundedMap } from './bounded-map.ts';
import type { Credentials, HeldCredential } from './credentials.ts';
import { REQUEST_MS } from './exchange.ts';
import type { Profile } from './profile.ts';
import type { WithCredential } from './refusals.ts';

export interface IntrospectDeps {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly send: Send;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
}

/** What is known of a token, and from where. */
export interface Introspected {
  readonly introspection: Introspection;
  readonly source: 'memory' | 'zitadel';
}

/** Asks whether a token is good, with the application that the profile names. */
export type Introspect = (profile: Profile, token: Redacted<string>) => Promise<Result<Introspected, BrokerError>>;

/** Introspections at ZITADEL at the same time, in one sandbox; more are turned away rather than queued. */
export const MOST_INTROSPECTIONS = 50;

const REMEMBERED_TOKENS = 10_000;

/** How long a client that is turned away should wait. */
const SHED_MS = SECOND_MS;

/** Two requests and a moment between them. */
const INTROSPECT_MS = 2 * REQUEST_MS + SECOND_MS;

/** Creates the introspection of one sandbox. Active answers are kept in memory for as long as the profile says. */
export function createIntrospect({ clock, uuid, send, credentials, withCredential }: IntrospectDeps): Introspect {
  const kept = createBoundedMap<string, { readonly introspection: Introspection; readonly until: EpochMs }>(
    REMEMBERED_TOKENS,
  );
  let underWay = 0;

  function keep(key: string, { introspectionCacheMs }: Profile, introspection: Introspection): void {
    // An inactive answer is not kept: the token may be of a moment ago, and known a moment later.
    if (!introspection.isActive || introspectionCacheMs === 0) return;
    const now = clock.now();
    const until = Math.min(plus(now, introspectionCacheMs), introspection.expiresAt ?? now) as EpochMs;
    if (until > now) kept.set(key, { introspection, until });
  }

  async function ask(
    { issuer, introspection: secret = '' }: Profile,
    token: Redacted<string>,
  ): Promise<Result<Introspection, BrokerError>> {
    const application = await getApplication(credentials, secret);
    if (!application.ok) return application;
    const endsAt = plus(clock.now(), INTROSPECT_MS);
    const attempt = async ({ credential, id }: HeldCredential) => {
      const request = await buildIntrospectionRequest({ issuer, credential, token }, { now: clock.now(), jti: uuid });
      const outcome = judgeIntrospection(request, await send(request));
      return outcome.kind === 'introspected' ? ok(outcome.introspection) : fail(toAttemptFailure(outcome, id));
    };
    const asked = await withCredential(
      secret,
      application.value.held,
      attempt,
      (delayMs) => clock.now() + delayMs + REQUEST_MS <= endsAt,
    );
    return asked.ok ? ok(asked.value.value) : fail(asked.error.error);
  }

  return async (profile, token) => {
    if (profile.introspection === undefined) {
      return fail({ kind: 'invalid_request', detail: 'this profile does not introspect' });
    }
    const key = `${profile.name} ${digest(token.reveal())}`;
    const known = kept.get(key);
    if (known !== undefined && clock.now() < known.until)
      return ok({ introspection: known.introspection, source: 'memory' });
    if (underWay >= MOST_INTROSPECTIONS) {
      const detail = `${MOST_INTROSPECTIONS} introspections are under way`;
      return fail({ kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs: SHED_MS });
    }
    underWay += 1;
    try {
      const asked = await ask(profile, token);
      if (!asked.ok) return asked;
      keep(key, profile, asked.value);
      return ok({ introspection: asked.value, source: 'zitadel' });
    } finally {
      underWay -= 1;
    }
  };
}
