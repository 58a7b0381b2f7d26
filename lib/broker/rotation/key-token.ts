import type { Clock } from '../../core/clock.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { chooseGrant } from '../../zitadel/grant.ts';
import { judgeTokenAnswer } from '../../zitadel/token-answer.ts';
import { buildTokenRequest } from '../../zitadel/token-request.ts';
import type { RotationFault } from './rotated-key.ts';

export interface KeyTokenDeps {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly send: Send;
}

/** Obtains a token of a service account, once. The token never leaves the rotation. */
export async function requestKeyToken(
  { clock, uuid, send }: KeyTokenDeps,
  asked: { readonly issuer: string; readonly credential: Credential; readonly scopes: readonly string[] },
): Promise<Result<Redacted<string>, RotationFault>> {
  const grant = chooseGrant(asked.credential, { hasSubject: false });
  if (!grant.ok) return fail({ detail: 'it is not the credential of a service account' });
  const request = await buildTokenRequest({ ...asked, grant: grant.value }, { now: clock.now(), jti: uuid });
  const outcome = judgeTokenAnswer(request, await send(request));
  return outcome.kind === 'issued' ? ok(outcome.response.accessToken) : fail({ detail: outcome.detail });
}
