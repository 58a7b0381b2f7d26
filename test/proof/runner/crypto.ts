import { KeyObject, sign, type webcrypto } from 'node:crypto';

type CryptoKey = webcrypto.CryptoKey;

/** The private keys that WebCrypto was given. */
const keys = new WeakMap<CryptoKey, KeyObject>();

/** Signs at once instead of on a thread. */
async function signAtOnce(_algorithm: object, given: CryptoKey, data: Uint8Array) {
  const key = keys.get(given);
  if (key === undefined) throw new Error('a key that was made before WebCrypto was taken over');
  return new Uint8Array(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })).buffer;
}

/**
 * Does something with WebCrypto taken over. It works on threads, so that the order in which its results come back is
 * nobody's; here each result is there at once, and a simulation comes out the same every time. Keys are of P-256.
 */
export async function withCrypto<T>(work: () => Promise<T>): Promise<T> {
  const subtle = Object.getPrototypeOf(globalThis.crypto.subtle);
  const { sign: original } = subtle;
  const { toCryptoKey } = KeyObject.prototype;
  subtle.sign = signAtOnce;
  KeyObject.prototype.toCryptoKey = function (...args: Parameters<typeof toCryptoKey>) {
    const made = toCryptoKey.apply(this, args);
    keys.set(made, this);
    return made;
  };
  try {
    return await work();
  } finally {
    subtle.sign = original;
    KeyObject.prototype.toCryptoKey = toCryptoKey;
  }
}
