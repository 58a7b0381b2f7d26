import { createCipheriv, createDecipheriv, type KeyObject, sign } from 'node:crypto';

const TAG_BYTES = 16;

interface GcmParameters {
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
}

type RawKey = { readonly raw: Uint8Array };

const bufferOf = (...parts: readonly Buffer[]): ArrayBuffer => new Uint8Array(Buffer.concat(parts)).buffer;

/** WebCrypto's work as far as the broker asks for it, done at once instead of on a thread. */
const immediate = (signingKey: KeyObject) => ({
  importKey: async (
    type: 'raw',
    raw: Uint8Array,
    algorithm: object,
    extractable: boolean,
    usages: readonly string[],
  ) => ({
    raw,
    type,
    extractable,
    usages,
    algorithm: { ...algorithm, length: 8 * raw.length },
  }),
  async encrypt({ iv, additionalData }: GcmParameters, { raw }: RawKey, text: Uint8Array) {
    const cipher = createCipheriv('aes-256-gcm', raw, iv).setAAD(additionalData);
    return bufferOf(cipher.update(text), cipher.final(), cipher.getAuthTag());
  },
  async decrypt({ iv, additionalData }: GcmParameters, { raw }: RawKey, sealed: Uint8Array) {
    const decipher = createDecipheriv('aes-256-gcm', raw, iv).setAAD(additionalData);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return bufferOf(decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final());
  },
  sign: async (_algorithm: object, _key: object, data: Uint8Array) =>
    bufferOf(sign('sha256', data, { key: signingKey, dsaEncoding: 'ieee-p1363' })),
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
