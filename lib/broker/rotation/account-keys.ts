import type { Clock } from '../../core/clock.ts';
import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credential } from '../../zitadel/credential.ts';
import {
  type AddedKey,
  buildAddRequest,
  buildListRequest,
  buildRemoveRequest,
  judgeAdd,
  judgeList,
  judgeRemove,
  type KeyHolder,
  type ManagementFault,
  type RegisteredKey,
} from '../../zitadel/keys.ts';
import { judgeTokenAnswer } from '../../zitadel/token-answer.ts';
import { buildTokenRequest } from '../../zitadel/token-request.ts';

/** The audience of ZITADEL's own API. A token with it can add keys: it never leaves the rotation that obtained it. */
const ZITADEL_AUDIENCE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** Why a call of a rotation failed, safe to log. */
export interface RotationFault {
  readonly detail: string;
}

/** The keys of one holder at ZITADEL. */
export interface AccountKeys {
  readonly list: () => Promise<Result<readonly RegisteredKey[], RotationFault>>;
  /** Adds a key; `publicKey` in PEM, so that ZITADEL never has the private half. */
  readonly add: (expirationDate: string, publicKey: string) => Promise<Result<AddedKey, RotationFault>>;
  readonly remove: (keyId: string) => Promise<Result<void, RotationFault>>;
}

export interface AccountKeysDeps {
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly send: Send;
}

/** More keys than any account has: a list that never ends is an error. */
const MOST_KEYS = 1_000;

/**
 * Opens the keys of the account that a key belongs to: obtains a token for ZITADEL's own API with that key. A service
 * account manages its own keys without any role.
 */
export async function openAccountKeys(
  { clock, uuid, send }: AccountKeysDeps,
  { issuer, credential }: { issuer: string; credential: Extract<Credential, { kind: 'service_account_key' }> },
): Promise<Result<AccountKeys, RotationFault>> {
  const asked = { issuer, credential, grant: 'jwt-bearer' as const, scopes: [ZITADEL_AUDIENCE] };
  const request = await buildTokenRequest(asked, { now: clock.now(), jti: uuid });
  const outcome = judgeTokenAnswer(request, await send(request));
  if (outcome.kind !== 'issued') return fail({ detail: `no token for ZITADEL's API: ${outcome.detail}` });
  return ok(keysOf(send, issuer, outcome.response.accessToken, { kind: 'user', userId: credential.userId }));
}

function keysOf(send: Send, issuer: string, token: Redacted<string>, holder: KeyHolder): AccountKeys {
  const call = { issuer, token, holder };
  const said = <T>(what: string, result: Result<T, ManagementFault>): Result<T, RotationFault> =>
    result.ok ? result : fail({ detail: `${what}: ${result.error.detail}` });

  return {
    async list() {
      const found: RegisteredKey[] = [];
      for (;;) {
        const request = buildListRequest(call, found.length);
        const page = said('listing the keys', judgeList(request, await send(request)));
        if (!page.ok) return page;
        const { keys, total } = page.value;
        found.push(...keys);
        if (found.length >= total) return ok(found);
        // ZITADEL counts keys that the account may not see, but does not list them.
        if (keys.length === 0 || total > MOST_KEYS) {
          return fail({ detail: `listing the keys: ZITADEL shows ${found.length} of ${total}` });
        }
      }
    },
    async add(expirationDate, publicKey) {
      const request = buildAddRequest(call, expirationDate, publicKey);
      return said('adding a key', judgeAdd(request, await send(request)));
    },
    async remove(keyId) {
      const request = buildRemoveRequest(call, keyId);
      return said(`removing key ${keyId}`, judgeRemove(request, await send(request)));
    },
  };
}
