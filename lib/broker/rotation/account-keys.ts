import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
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
import { ZITADEL_API_SCOPE } from '../../zitadel/scope.ts';
import { type KeyTokenDeps, requestKeyToken } from './key-token.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';

/** The keys of one holder at ZITADEL. */
export interface AccountKeys {
  readonly list: () => Promise<Result<readonly RegisteredKey[], RotationFault>>;
  /** Adds a key; `publicKey` in PEM, so that ZITADEL never has the private half. */
  readonly add: (expirationDate: string, publicKey: string) => Promise<Result<AddedKey, RotationFault>>;
  readonly remove: (keyId: string) => Promise<Result<void, RotationFault>>;
}

/** More keys than any account has: a list that never ends is an error. */
const MOST_KEYS = 1_000;

/**
 * Opens the keys of the account that a key belongs to: obtains a token for ZITADEL's own API with that key. A service
 * account manages its own keys without any role.
 */
export async function openAccountKeys(
  deps: KeyTokenDeps,
  { issuer, credential }: { issuer: string; credential: RotatedKey },
): Promise<Result<AccountKeys, RotationFault>> {
  const token = await requestKeyToken(deps, { issuer, credential, scopes: [ZITADEL_API_SCOPE] });
  if (!token.ok) return fail({ detail: `no token for ZITADEL's API: ${token.error.detail}` });
  return ok(keysOf(deps.send, issuer, token.value, { kind: 'user', userId: credential.userId }));
}

/** Removes keys one after the other; a fault ends it. */
export async function removeAll(
  keys: AccountKeys,
  ids: readonly string[],
): Promise<{ readonly removed: readonly string[]; readonly fault?: RotationFault }> {
  const removed: string[] = [];
  for (const keyId of ids) {
    const gone = await keys.remove(keyId);
    if (!gone.ok) return { removed, fault: gone.error };
    removed.push(keyId);
  }
  return { removed };
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
