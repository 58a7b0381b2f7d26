import type { Clock } from '../../core/clock.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
import { judgeTokenAnswer } from '../../zitadel/token-answer.ts';
import { buildTokenRequest } from '../../zitadel/token-request.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';

export interface KeyTokenDeps {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly send: Send;
}

/** Obtains a token with a key, once. The token never leaves the rotation. */
export async function requestKeyToken(
  { clock, uuid, send }: KeyTokenDeps,
  asked: { readonly issuer: string; readonly credential: RotatedKey; readonly scopes: readonly string[] },
): Promise<Result<Redacted<string>, RotationFault>> {
  const request = await buildTokenRequest({ ...asked, grant: 'jwt-bearer' }, { now: clock.now(), jti: uuid });
  const outcome = judgeTokenAnswer(request, await send(request));
  return outcome.kind === 'issued' ? ok(outcome.response.accessToken) : fail({ detail: outcome.detail });
}
