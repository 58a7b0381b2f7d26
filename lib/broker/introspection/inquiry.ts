import type { Clock } from '../../core/clock.ts';
import type { BrokerError } from '../../core/error.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Send } from '../../oauth/transport.ts';
import {
  buildIntrospectionRequest,
  buildUserinfoRequest,
  type Introspection,
  judgeIntrospection,
  judgeUserinfo,
} from '../../zitadel/introspection.ts';
import { getApplication, toAttemptFailure } from '../credentials/application.ts';
import type { WithCredential } from '../credentials/attempt.ts';
import type { Credentials, HeldCredential } from '../credentials/credentials.ts';
import { mayRepeatUntil } from '../credentials/deadline.ts';

export interface InquiryDeps {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly send: Send;
  readonly credentials: Credentials;
  readonly withCredential: WithCredential;
}

/** The application that introspects, and the time limit. */
export interface InquiryInput {
  readonly issuer: string;
  /** The secret of an API application, or of an OIDC application that may exchange: both may introspect. */
  readonly secret: string;
  readonly endsAt: EpochMs;
}

/** Queries ZITADEL about tokens. */
export interface Inquiry {
  /** Introspects a token once. */
  readonly ask: (input: InquiryInput, token: Redacted<string>) => Promise<Result<Introspection, BrokerError>>;
  /**
   * Whether ZITADEL itself accepts a token; `undefined` if unknown. Introspection reports "inactive" also for a token
   * whose audience lacks the introspecting application, and for any token on an internal error of ZITADEL.
   */
  readonly isAlive: (issuer: string, token: Redacted<string>) => Promise<boolean | undefined>;
}

/** Creates the inquiry of one sandbox. */
export function createInquiry({ clock, uuid, send, credentials, withCredential }: InquiryDeps): Inquiry {
  return {
    async ask({ issuer, secret, endsAt }, token) {
      const application = await getApplication(credentials, secret);
      if (!application.ok) return application;
      const attempt = async ({ credential, id }: HeldCredential) => {
        const request = await buildIntrospectionRequest({ issuer, credential, token }, { now: clock.now(), jti: uuid });
        const outcome = judgeIntrospection(request, await send(request));
        if (outcome.kind === 'introspected') return ok(outcome.introspection);
        return fail(toAttemptFailure(outcome, id, `introspection, secret ${secret}`));
      };
      const mayRepeat = mayRepeatUntil(clock, endsAt);
      const asked = await withCredential(secret, application.value.held, attempt, mayRepeat);
      return asked.ok ? ok(asked.value.value) : fail(asked.error.error);
    },
    async isAlive(issuer, token) {
      const request = buildUserinfoRequest(issuer, token);
      return judgeUserinfo(await send(request));
    },
  };
}
