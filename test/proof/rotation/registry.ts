import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { MINUTE_MS } from '../../../lib/core/time.ts';

/** A key at ZITADEL. Times are true times, in epoch milliseconds. */
export interface RegistryKey {
  readonly keyId: string;
  /** The user id of an account, or the client id of an application. */
  readonly holder: string;
  readonly publicKey: KeyObject;
  readonly createdAt: number;
  readonly expirationDate: string;
  removedAt?: number;
  /** An operator removed it. */
  isByHand?: boolean;
}

/** The keys at ZITADEL. Reads see them as they were up to a while ago: `at` is the time that a read sees. */
export interface Registry {
  readonly all: () => readonly RegistryKey[];
  readonly add: (key: Pick<RegistryKey, 'holder' | 'expirationDate'> & { readonly publicKey: string }) => RegistryKey;
  readonly remove: (keyId: string, holder: string, isByHand?: boolean) => RegistryKey | undefined;
  readonly find: (keyId: string) => RegistryKey | undefined;
  readonly isThere: (keyId: string, at?: number) => boolean;
  readonly list: (holder: string, at: number) => readonly RegistryKey[];
  /** The holder of the key that has signed an assertion, if ZITADEL accepts it. */
  readonly signer: (assertion: string, at: number) => string | undefined;
}

const partOf = (assertion: string, index: number) =>
  JSON.parse(Buffer.from(assertion.split('.')[index] ?? '', 'base64url').toString());

/** Creates the keys of one run. */
export function createRegistry(now: () => number): Registry {
  const keys = new Map<string, RegistryKey>();
  const sees = (
    { createdAt, removedAt = Number.POSITIVE_INFINITY, expirationDate }: RegistryKey,
    at: number,
  ): boolean => createdAt <= at && at < removedAt && now() < Date.parse(expirationDate);
  return {
    all: () => [...keys.values()].filter(({ removedAt }) => removedAt === undefined),
    add({ publicKey, ...given }) {
      const keyId = `${1000 + keys.size}`;
      const key = { keyId, createdAt: now(), publicKey: createPublicKey(publicKey), ...given };
      keys.set(keyId, key);
      return key;
    },
    find: (keyId) => keys.get(keyId),
    remove(keyId, holder, isByHand = false) {
      const key = keys.get(keyId);
      if (key?.holder !== holder || key.removedAt !== undefined) return undefined;
      Object.assign(key, { removedAt: now(), isByHand });
      return key;
    },
    isThere: (keyId, at = now()) => {
      const key = keys.get(keyId);
      return key !== undefined && sees(key, at);
    },
    list: (holder, at) => [...keys.values()].filter((key) => key.holder === holder && sees(key, at)),
    signer(assertion, at) {
      const { kid } = partOf(assertion, 0);
      const { iss, sub, iat, exp } = partOf(assertion, 1);
      const key = keys.get(kid);
      if (key === undefined || !sees(key, at) || iss !== key.holder || sub !== iss) return undefined;
      if (iat * 1000 > now() || exp * 1000 < now() || iat * 1000 < now() - 60 * MINUTE_MS) return undefined;
      const [header, payload, signature = ''] = assertion.split('.');
      const signed = Buffer.from(`${header}.${payload}`);
      const isGood = verify(
        'sha256',
        signed,
        { key: key.publicKey, dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      );
      return isGood ? key.holder : undefined;
    },
  };
}
