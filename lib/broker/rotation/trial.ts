import { sleep } from '../../core/clock.ts';
import { type Redacted, redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { SECOND_MS } from '../../core/time.ts';
import { TOKEN_TYPE } from '../../oauth/grant.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { buildIntrospectionRequest, judgeIntrospection } from '../../zitadel/introspection.ts';
import { audienceScope } from '../../zitadel/scope.ts';
import { judgeTokenAnswer } from '../../zitadel/token-answer.ts';
import { buildExchangeRequest } from '../../zitadel/token-request.ts';
import type { Trial } from '../profiles/rotation.ts';
import { type KeyTokenDeps, requestKeyToken } from './key-token.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';

/** ZITADEL's reads lag its writes: a new key may be refused for a moment, by released versions with a 500. */
const TRIED_MS = 20 * SECOND_MS;
const TRY_AGAIN_MS = SECOND_MS;

/** Looks like a JWT, so that ZITADEL checks it as one; no issuer ever made it. */
const MADE_UP_TOKEN = redacted('eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl');

/** A key, and what is needed to try it. */
export interface Candidate {
  readonly issuer: string;
  readonly credential: RotatedKey;
  /** For an application: an owner of its project, whose token is exchanged. */
  readonly manager?: Credential;
  readonly projectId?: string;
}

/** Creates the trial of a key: uses it once for each purpose, as the broker would. Tries again for 20 s. */
export function createTryKey(deps: KeyTokenDeps) {
  const { clock, uuid, send } = deps;
  const signing = () => ({ now: clock.now(), jti: uuid });

  /** An application obtains a token for its own project, in exchange for one of its manager. */
  async function exchange({ issuer, credential, manager, projectId }: Candidate) {
    if (manager === undefined || projectId === undefined)
      return fail({ detail: 'it is not the key of an application' });
    const subject = await requestKeyToken(deps, { issuer, credential: manager, scopes: [audienceScope(projectId)] });
    if (!subject.ok) return fail({ detail: `no token of rotation.by to exchange: ${subject.error.detail}` });
    const exchanged = {
      subjectToken: subject.value,
      subjectTokenType: TOKEN_TYPE.accessToken,
      audiences: [projectId],
    };
    const request = await buildExchangeRequest({ issuer, credential, scopes: [] }, exchanged, signing());
    const outcome = judgeTokenAnswer(request, await send(request));
    return outcome.kind === 'issued' ? ok(outcome.response.accessToken) : fail({ detail: outcome.detail });
  }

  /** Inactive is a pass: ZITADEL has accepted the key. */
  async function introspect({ issuer, credential }: Candidate) {
    const request = await buildIntrospectionRequest({ issuer, credential, token: MADE_UP_TOKEN }, signing());
    const outcome = judgeIntrospection(request, await send(request));
    return outcome.kind === 'introspected' ? ok(MADE_UP_TOKEN) : fail({ detail: outcome.detail });
  }

  const attempt = (candidate: Candidate, trial: Trial): Promise<Result<Redacted<string>, RotationFault>> => {
    if (trial.kind === 'token') return requestKeyToken(deps, { ...candidate, scopes: trial.scopes });
    return trial.kind === 'exchange' ? exchange(candidate) : introspect(candidate);
  };

  return async (candidate: Candidate, trials: readonly Trial[]): Promise<Result<void, RotationFault>> => {
    const until = clock.now() + TRIED_MS;
    for (const trial of trials) {
      for (;;) {
        const passed = await attempt(candidate, trial);
        if (passed.ok) break;
        if (clock.now() + TRY_AGAIN_MS > until) {
          const { kid } = candidate.credential.key;
          return fail({ detail: `no ${trial.kind} with key ${kid} in 20 s: ${passed.error.detail}` });
        }
        await sleep(clock, TRY_AGAIN_MS);
      }
    }
    return ok(undefined);
  };
}
