import { createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Application, ServiceAccount } from './accounts.ts';
import { type Call, type Handler, mayManage, refuseCall, refuseCaller } from './calls.ts';
import { addKey } from './changes.ts';
import type { Reply } from './http.ts';
import { done, type FAULTS } from './management-faults.ts';
import { formatTimestamp } from './timestamps.ts';

const generateKeyPairAsync = promisify(generateKeyPair);

const PEM = /(?:^|\n)-----BEGIN ([^\n-]+)-----\r?\n([A-Za-z\d+/=\s]*)-----END \1-----/;
const KEY_TYPES = new Set(['rsa', 'ed25519', 'ec secp224r1', 'ec prime256v1', 'ec secp384r1', 'ec secp521r1']);

/** Reads a PKIX public key in PEM, whatever its label says; `undefined` when it is none that Go can use. */
function parsePublicKey(pem: unknown): KeyObject | undefined {
  const der = Buffer.from(PEM.exec(String(pem))?.[2] ?? '', 'base64');
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const { namedCurve } = key.asymmetricKeyDetails ?? {};
    return KEY_TYPES.has([key.asymmetricKeyType, namedCurve].join(' ').trim()) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Whose credentials the calls change, and how they say that something is missing. */
interface Kind<T extends ServiceAccount | Application> {
  readonly find: (call: Call) => T | undefined;
  /** Who may change them without any role. */
  readonly ownerOf: (holder: T) => string | undefined;
  readonly keyJson: (holder: T) => object;
  readonly keyMember: string;
  readonly missing: Readonly<Record<'addKey' | 'removeKey' | 'addSecret' | 'removeSecret', keyof typeof FAULTS>>;
}

function createCalls<T extends ServiceAccount | Application>(kind: Kind<T>) {
  const { find, ownerOf, keyJson, keyMember, missing } = kind;
  type Act = (call: Call, holder: T) => Reply | Promise<Reply>;

  const change =
    (name: keyof typeof missing, act: Act, isThere: (call: Call, holder: T) => boolean = () => true): Handler =>
    (call) => {
      const holder = find(call);
      if (holder === undefined || !isThere(call, holder)) return refuseCall(call, missing[name]);
      return mayManage(call, ownerOf(holder)) ? act(call, holder) : refuseCaller(call);
    };

  /** Adds the public key that the caller gives, or one of RSA that is made, its private half in PKCS#1. */
  const storeKey: Act = async (call, holder) => {
    const { instance, input, nowMs, protocol } = call;
    const expiresMs = Number(input.expirationDate ?? 0);
    if ('usesKeys' in holder && !holder.usesKeys) return refuseCall(call, 'noKeyAllowed');
    if (expiresMs <= nowMs) return refuseCall(call, 'expiredKey');
    const given = parsePublicKey(input.publicKey);
    const made = given === undefined ? await generateKeyPairAsync('rsa', { modulusLength: 2048 }) : undefined;
    const keyId = instance.nextId(nowMs);
    const publicKey = given ?? made?.publicKey;
    if (publicKey) addKey(holder, { keyId, publicKey, createdMs: nowMs, expiresMs }, nowMs);
    const key = made?.privateKey.export({ type: 'pkcs1', format: 'pem' });
    const json = JSON.stringify({ ...keyJson(holder), keyId, key, expirationDate: formatTimestamp(expiresMs) });
    const content = made && Buffer.from(json).toString('base64');
    return done(protocol, { creationDate: formatTimestamp(nowMs), keyId, [keyMember]: content });
  };

  const addKeyCall = change('addKey', storeKey);

  return {
    addKey: ((call) => {
      const isBad = String(call.input.publicKey ?? '') !== '' && parsePublicKey(call.input.publicKey) === undefined;
      return isBad ? refuseCall(call, 'badPublicKey') : addKeyCall(call);
    }) as Handler,
    removeKey: change(
      'removeKey',
      ({ input, nowMs, protocol }, { keys }) => {
        keys.get(String(input.keyId))?.isPresent.write(false, nowMs);
        return done(protocol, { deletionDate: formatTimestamp(nowMs) });
      },
      ({ input }, { keys }) => keys.get(String(input.keyId))?.isPresent.latest() === true,
    ),
    /** A new secret replaces the old one. */
    addSecret: change('addSecret', ({ nowMs, protocol }, { secret }) => {
      const clientSecret = randomBytes(48).toString('base64url');
      secret.write(clientSecret, nowMs);
      return done(protocol, { creationDate: formatTimestamp(nowMs), clientSecret });
    }),
    removeSecret: change('removeSecret', (call, { secret }) => {
      if (secret.latest() === undefined) return refuseCall(call, 'noSecret');
      secret.write(undefined, call.nowMs);
      return done(call.protocol, { deletionDate: formatTimestamp(call.nowMs) });
    }),
  };
}

/** The calls for service accounts, which manage themselves without any role. */
export const userCalls = createCalls<ServiceAccount>({
  find: ({ instance, input }) => instance.accounts.users.get(String(input.userId)),
  ownerOf: ({ userId }) => userId,
  keyJson: ({ userId }) => ({ type: 'serviceaccount', userId }),
  keyMember: 'keyContent',
  missing: { addKey: 'noKeyUser', removeKey: 'noKey', addSecret: 'noUserToAdd', removeSecret: 'noUserToRemove' },
});

/** The calls for applications, which are found by their id and that of their project. */
export const applicationCalls = createCalls<Application>({
  find: ({ instance, input }) =>
    [...instance.accounts.applications.values()].find(
      ({ appId, projectId }) => appId === input.applicationId && projectId === input.projectId,
    ),
  ownerOf: () => undefined,
  keyJson: ({ appId, clientId }) => ({ type: 'application', appId, clientId }),
  keyMember: 'keyDetails',
  missing: {
    addKey: 'noKeyApplication',
    removeKey: 'noApplicationKey',
    addSecret: 'noApplication',
    removeSecret: 'noApplication',
  },
});
