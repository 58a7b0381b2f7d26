import type { Redacted } from '../../core/redacted.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Send } from '../../oauth/transport.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { type KeyPair, serviceAccountJson } from '../../zitadel/key-pair.ts';
import {
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

/** A key that was added: its key JSON is the text of a secret. */
export interface NewKey {
  readonly keyId: string;
  readonly text: Redacted<string>;
}

/** The keys of one holder at ZITADEL: a service account or an application. */
export interface HolderKeys {
  readonly list: () => Promise<Result<readonly RegisteredKey[], RotationFault>>;
  /** Adds a key. Of a service account, ZITADEL never has the private half; an application's is made by ZITADEL. */
  readonly add: (expirationDate: string) => Promise<Result<NewKey, RotationFault>>;
  readonly remove: (keyId: string) => Promise<Result<void, RotationFault>>;
  /** Of an application: the project that it belongs to. */
  readonly projectId?: string;
}

export interface HolderKeysDeps extends KeyTokenDeps {
  /** Makes a key pair that is no weaker than a key. */
  readonly createKeyPair: (like: RotatedKey['key']) => Promise<KeyPair>;
}

/** Opens the keys of the holder of a key. `manager`: for an application, the credential of an owner of its project. */
export type OpenKeys = (opened: {
  readonly issuer: string;
  readonly credential: RotatedKey;
  readonly manager?: Credential;
}) => Promise<Result<HolderKeys, RotationFault>>;

/** More keys than any holder has: a list that never ends is an error. */
const MOST_KEYS = 1_000;

/** Adds what was attempted to the fault of a call. */
const said = <T>(what: string, result: Result<T, ManagementFault>): Result<T, RotationFault> =>
  result.ok ? result : fail({ detail: `${what}: ${result.error.detail}` });

/** The calls of ZITADEL's management API, with a token for it. */
interface Calls {
  readonly send: Send;
  readonly issuer: string;
  readonly token: Redacted<string>;
}

async function listKeys(
  { send, ...call }: Calls,
  holder: KeyHolder,
): Promise<Result<readonly RegisteredKey[], RotationFault>> {
  const found: RegisteredKey[] = [];
  for (;;) {
    const request = buildListRequest({ ...call, holder }, found.length);
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
}

async function removeKey({ send, ...call }: Calls, holder: KeyHolder, keyId: string) {
  const request = buildRemoveRequest({ ...call, holder }, keyId);
  return said(`removing key ${keyId}`, judgeRemove(request, await send(request)));
}

async function addKey({ send, ...call }: Calls, holder: KeyHolder, expirationDate: string, publicKey?: string) {
  const request = buildAddRequest({ ...call, holder }, expirationDate, publicKey);
  return said('adding a key', judgeAdd(request, await send(request)));
}

/** The keys of a service account, which manages its own without any role. */
function keysOfAccount(
  calls: Calls,
  { userId, key }: Extract<RotatedKey, { kind: 'service_account_key' }>,
  createKeyPair: HolderKeysDeps['createKeyPair'],
): HolderKeys {
  const holder: KeyHolder = { kind: 'user', userId };
  return {
    list: () => listKeys(calls, holder),
    async add(expirationDate) {
      const { publicKey, privateKey } = await createKeyPair(key);
      const added = await addKey(calls, holder, expirationDate, publicKey);
      if (!added.ok) return added;
      const { keyId } = added.value;
      return ok({ keyId, text: serviceAccountJson({ userId, keyId, privateKey, expirationDate }) });
    },
    remove: (keyId) => removeKey(calls, holder, keyId),
  };
}

/** The keys of an application. Its project, which the key JSON does not name, is in ZITADEL's list. */
async function keysOfApplication(
  calls: Calls,
  { appId, key: { kid } }: Extract<RotatedKey, { kind: 'application_key' }>,
): Promise<Result<HolderKeys, RotationFault>> {
  if (appId === undefined) return fail({ detail: 'the key JSON has no appId: store it as downloaded from ZITADEL' });
  const unknownProject: KeyHolder = { kind: 'application', applicationId: appId, projectId: '' };
  const listed = await listKeys(calls, unknownProject);
  if (!listed.ok) return listed;
  const projectId = listed.value.find((key) => key.projectId !== undefined)?.projectId;
  if (projectId === undefined) {
    const detail = `ZITADEL lists no key of the application, not even ${kid}: is the account of rotation.by an owner of its project?`;
    return fail({ detail });
  }
  const holder: KeyHolder = { kind: 'application', applicationId: appId, projectId };
  return ok({
    projectId,
    list: () => listKeys(calls, holder),
    async add(expirationDate) {
      const added = await addKey(calls, holder, expirationDate);
      if (!added.ok) return added;
      const { keyId, content } = added.value;
      if (content !== undefined) return ok({ keyId, text: content });
      return fail({ detail: 'adding a key: ZITADEL answered without the key' });
    },
    remove: (keyId) => removeKey(calls, holder, keyId),
  });
}

/** Creates the way to the keys of a holder: obtains a token for ZITADEL's own API, which never leaves the rotation. */
export function createOpenKeys(deps: HolderKeysDeps): OpenKeys {
  return async ({ issuer, credential, manager }) => {
    const own = credential.kind === 'service_account_key' ? credential : manager;
    if (own === undefined) {
      return fail({ detail: 'it is the key of an application: name the profile that manages it in rotation.by' });
    }
    const token = await requestKeyToken(deps, { issuer, credential: own, scopes: [ZITADEL_API_SCOPE] });
    if (!token.ok) return fail({ detail: `no token for ZITADEL's API: ${token.error.detail}` });
    const calls = { send: deps.send, issuer, token: token.value };
    return credential.kind === 'service_account_key'
      ? ok(keysOfAccount(calls, credential, deps.createKeyPair))
      : keysOfApplication(calls, credential);
  };
}
