import { createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Application, Key, ServiceAccount, UserState } from './accounts.ts';
import { addKey, setUserState } from './changes.ts';
import { json, type Reply, type Request } from './http.ts';
import { activeSession, type Instance } from './instance.ts';
import { apiFault, EXPIRED_KEY, FAULTS, type Protocol } from './management-faults.ts';
import { ZITADEL_PROJECT } from './scopes.ts';

/** Who calls: an account by its token with ZITADEL's own audience, or the administrator. */
interface Caller {
  readonly userId: string | undefined;
  readonly isAdmin: boolean;
}

interface Call {
  readonly instance: Instance;
  readonly caller: Caller;
  readonly nowMs: number;
  readonly protocol: Protocol;
  readonly input: Readonly<Record<string, unknown>>;
}

const PAGE = '100';

const time = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
const page = (count: number) => ({ ...(count > 0 ? { totalResult: String(count) } : {}), appliedLimit: PAGE });
const bytes = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64');

/** RSA of 2048 bit, its private half in PKCS#1 as in ZITADEL's key JSON. */
async function makeKey() {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return { publicKey, pem: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() };
}

function authenticate(instance: Instance, { headers, issuer, nowMs }: Request): Caller | undefined {
  const token = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  if (token !== '' && token === instance.accounts.adminToken) return { userId: undefined, isAdmin: true };
  const session = activeSession(instance, token, issuer, nowMs);
  return session?.audience.includes(ZITADEL_PROJECT) ? { userId: session.userId, isAdmin: false } : undefined;
}

/** The expiry that the input asks for, or what is wrong with it. */
function readExpiry({ input, nowMs, protocol }: Call): number | Reply {
  const expiresMs = typeof input.expirationDate === 'string' ? Date.parse(input.expirationDate) : Number.NaN;
  return expiresMs > nowMs ? expiresMs : apiFault(protocol, EXPIRED_KEY);
}

function store(
  { instance, nowMs }: Call,
  holder: ServiceAccount | Application,
  publicKey: KeyObject,
  expiresMs: number,
) {
  const key: Omit<Key, 'refusals'> = { keyId: instance.nextId(nowMs), publicKey, createdMs: nowMs, expiresMs };
  addKey(instance, holder, key);
  return key.keyId;
}

const userFault = ({ protocol }: Call, name: keyof typeof FAULTS) => apiFault(protocol, FAULTS[name]);

async function addUserKey(call: Call, user: ServiceAccount): Promise<Reply> {
  const { input, nowMs } = call;
  if (input.expirationDate === undefined) {
    return json({ code: 3, message: 'invalid AddKeyRequest.ExpirationDate: value is required' }, 400);
  }
  const expiresMs = readExpiry(call);
  if (typeof expiresMs !== 'number') return expiresMs;
  const creationDate = time(nowMs);
  if (typeof input.publicKey === 'string') {
    try {
      const publicKey = createPublicKey(Buffer.from(input.publicKey, 'base64'));
      return json({ creationDate, keyId: store(call, user, publicKey, expiresMs) });
    } catch {
      return userFault(call, 'badPublicKey');
    }
  }
  const { publicKey, pem } = await makeKey();
  const keyId = store(call, user, publicKey, expiresMs);
  const { userId } = user;
  const keyJson = { type: 'serviceaccount', keyId, key: pem, expirationDate: time(expiresMs), userId };
  return json({ creationDate, keyId, keyContent: bytes(keyJson) });
}

function removeUserKey(call: Call, user: ServiceAccount, keyId: string): Reply {
  return user.keys.delete(keyId) ? json({ deletionDate: time(call.nowMs) }) : userFault(call, 'noKey');
}

function addSecret({ nowMs }: Call, user: ServiceAccount): Reply {
  user.secret = randomBytes(48).toString('base64url');
  return json({ creationDate: time(nowMs), clientSecret: user.secret });
}

function removeSecret(call: Call, user: ServiceAccount): Reply {
  if (user.secret === undefined) return userFault(call, 'noSecret');
  user.secret = undefined;
  return json({ deletionDate: time(call.nowMs) });
}

const keyDates = ({ createdMs, expiresMs }: Key, organizationId: string) => ({
  creationDate: time(createdMs),
  changeDate: time(createdMs),
  organizationId,
  expirationDate: time(expiresMs),
});

/** The ids that the input's filters of one kind name; `undefined` when it has none of that kind. */
function filtered({ input }: Call, kind: string, member: string): readonly unknown[] | undefined {
  const filters = Array.isArray(input.filters) ? (input.filters as Record<string, Record<string, unknown>>[]) : [];
  const ids = filters.flatMap((filter) => (filter[kind] === undefined ? [] : [filter[kind][member]]));
  return ids.length > 0 ? ids : undefined;
}

function searchUserKeys(call: Call): Reply {
  const { instance, caller } = call;
  const wanted = filtered(call, 'userIdFilter', 'id');
  const result = [...instance.accounts.users.values()]
    .filter(({ userId }) => caller.isAdmin || userId === caller.userId)
    .filter(({ userId }) => wanted?.includes(userId) ?? true)
    .flatMap(({ userId, keys }) =>
      [...keys.values()].map((key) => ({ id: key.keyId, userId, ...keyDates(key, instance.accounts.org) })),
    );
  return json({ pagination: page(result.length), ...(result.length > 0 ? { result } : {}) });
}

const application = ({ instance }: Call, appId: unknown): Application | undefined =>
  [...instance.accounts.applications.values()].find((app) => app.appId === appId);

async function createApplicationKey(call: Call): Promise<Reply> {
  const expiresMs = readExpiry(call);
  if (typeof expiresMs !== 'number') return expiresMs;
  const app = application(call, call.input.applicationId);
  if (app === undefined) return userFault(call, 'noApplication');
  const { publicKey, pem } = await makeKey();
  const keyId = store(call, app, publicKey, expiresMs);
  const { appId, clientId } = app;
  const keyJson = { type: 'application', keyId, key: pem, expirationDate: time(expiresMs), appId, clientId };
  return json({ keyId, creationDate: time(call.nowMs), keyDetails: bytes(keyJson) });
}

function listApplicationKeys(call: Call): Reply {
  const wanted = filtered(call, 'applicationIdFilter', 'applicationId');
  const { applications, org } = call.instance.accounts;
  const keys = [...applications.values()]
    .filter(({ appId }) => wanted?.includes(appId) ?? true)
    .flatMap(({ appId: applicationId, projectId, keys }) =>
      [...keys.values()].map((key) => {
        const { changeDate: _, ...dates } = keyDates(key, org);
        return { keyId: key.keyId, applicationId, projectId, ...dates };
      }),
    );
  return json({ ...(keys.length > 0 ? { keys } : {}), pagination: page(keys.length) });
}

function deleteApplicationKey(call: Call): Reply {
  const isGone = application(call, call.input.applicationId)?.keys.delete(String(call.input.keyId));
  return isGone ? json({ deletionDate: time(call.nowMs) }) : userFault(call, 'noKey');
}

const APPLICATION_CALLS: Readonly<Record<string, (call: Call) => Reply | Promise<Reply>>> = {
  CreateApplicationKey: createApplicationKey,
  ListApplicationKeys: listApplicationKeys,
  DeleteApplicationKey: deleteApplicationKey,
};

const STATES: Readonly<Record<string, UserState>> = {
  lock: 'locked',
  unlock: 'active',
  deactivate: 'inactive',
  reactivate: 'active',
};

/** The call that manages a user, by method and what follows `/v2/users/{id}/` in the path. */
function userCall(method: string, action: string, keyId: string | undefined) {
  const route = `${method} ${action}${keyId === undefined ? '' : '/{keyId}'}`;
  if (route === 'POST keys') return addUserKey;
  if (route === 'POST secret') return addSecret;
  if (route === 'DELETE secret') return removeSecret;
  if (route === 'DELETE keys/{keyId}') {
    return (call: Call, user: ServiceAccount) => removeUserKey(call, user, keyId ?? '');
  }
  const state = route.startsWith('POST ') && keyId === undefined ? STATES[action] : undefined;
  if (state === undefined) return undefined;
  return ({ instance, nowMs }: Call, { userId }: ServiceAccount) => {
    setUserState(instance, userId, state);
    return json({ details: { changeDate: time(nowMs), resourceOwner: instance.accounts.org } });
  };
}

const parseInput = (body: string): Call['input'] => {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Call['input']) : {};
  } catch {
    return {};
  }
};

/** ZITADEL's own API, as far as it rotates credentials and changes account states. `undefined`: no such path. */
export async function manage(instance: Instance, request: Request): Promise<Reply | undefined> {
  const { method, path, nowMs, body } = request;
  const connect = /^\/zitadel\.application\.v2\.ApplicationService\/(\w+)$/.exec(path)?.[1] ?? '';
  const applicationCall = Object.hasOwn(APPLICATION_CALLS, connect) ? APPLICATION_CALLS[connect] : undefined;
  const isSearch = method === 'POST' && path === '/v2/users/keys/search';
  const [, userId = '', action = '', keyId] = /^\/v2\/users\/(\d+)\/(\w+)(?:\/(\w+))?$/.exec(path) ?? [];
  const manageUser = userCall(method, action, keyId);
  if (applicationCall === undefined && !isSearch && manageUser === undefined) return undefined;

  const protocol: Protocol = applicationCall ? 'connect' : 'grpc';
  const caller = authenticate(instance, request);
  if (caller === undefined) return apiFault(protocol, FAULTS.badToken);
  const call: Call = { instance, caller, nowMs, protocol, input: parseInput(body) };
  if (isSearch) return searchUserKeys(call);
  const notAllowed = apiFault(protocol, FAULTS.noMembership);
  if (applicationCall) return caller.isAdmin ? applicationCall(call) : notAllowed;
  // An account may change its own keys and secret without any role, but not its state.
  const isOwn = caller.userId === userId && !Object.hasOwn(STATES, action);
  const user = caller.isAdmin || isOwn ? instance.accounts.users.get(userId) : undefined;
  return user === undefined ? notAllowed : manageUser?.(call, user);
}
