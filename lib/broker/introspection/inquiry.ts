import type { BrokerError } from '../../core/error.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
import {
  buildIntrospectionRequest,
  buildUserinfoRequest,
  type Introspection,
  judgeIntrospection,
  judgeUserinfo,
} from '../../zitadel/introspection.ts';
import { type AttemptDeps, asApplication, type RequestTime, toAttemptFailure } from '../credentials/application.ts';

export interface InquiryDeps extends AttemptDeps {
  readonly uuid: () => string;
  readonly send: Send;
}

/** Queries ZITADEL about tokens. */
export interface Inquiry {
  /** Introspects a token once, as an API application, or as an OIDC application that may exchange. */
  readonly ask: (input: RequestTime, token: Redacted<string>) => Promise<Result<Introspection, BrokerError>>;
  /**
   * Whether ZITADEL itself accepts a token; `undefined` if unknown. Introspection reports "inactive" also for a token
   * whose audience lacks the introspecting application, and for any token on an internal error of ZITADEL.
   */
  readonly isAlive: (issuer: string, token: Redacted<string>) => Promise<boolean | undefined>;
}

/** Creates the inquiry of one sandbox. */
export function createInquiry(deps: InquiryDeps): Inquiry {
  const { clock, uuid, send } = deps;
  return {
    ask: (time, token) =>
      asApplication(deps, time, async ({ credential, id }) => {
        const request = await buildIntrospectionRequest(
          { issuer: time.issuer, credential, token },
          { now: clock.now(), jti: uuid },
        );
        const outcome = judgeIntrospection(request, await send(request));
        if (outcome.kind === 'introspected') return ok(outcome.introspection);
        return fail(toAttemptFailure(outcome, id, `introspection, secret ${time.secret}`));
      }),
    async isAlive(issuer, token) {
      const request = buildUserinfoRequest(issuer, token);
      return judgeUserinfo(await send(request));
    },
  };
}
