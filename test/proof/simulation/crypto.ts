import { type KeyObject, sign } from 'node:crypto';

/** WebCrypto's work as far as the broker asks for it, done at once instead of on a thread. */
const immediate = (signingKey: KeyObject) => ({
  sign: async (_algorithm: object, _key: object, data: Uint8Array) =>
    new Uint8Array(sign('sha256', data, { key: signingKey, dsaEncoding: 'ieee-p1363' })).buffer,
});

/**
 * Takes WebCrypto over. It works on threads, so that the order in which its results come back is nobody's; here each
 * result is there at once, and a simulation comes out the same every time. Answers how to give it back.
 * @param signingKey the one key of the simulation; P-256
 */
export function takeCryptoOver(signingKey: KeyObject): () => void {
  const prototype = Object.getPrototypeOf(globalThis.crypto.subtle);
  const methods = immediate(signingKey);
  const originals = Object.keys(methods).map((name) => [name, prototype[name]] as const);
  Object.assign(prototype, methods);
  return () => Object.assign(prototype, Object.fromEntries(originals));
}
