import { constants, createHmac, sign } from 'node:crypto';
import type { Pair, SigningAlgorithm } from './setting.ts';

/** How a signature is made, whatever the header says: `DER` is ECDSA in the encoding that JWS does not use. */
export type Signing = SigningAlgorithm | 'HS256' | 'none' | 'DER';

/** Signs bytes as an algorithm says (RFC 7518 §3, RFC 8037); HS256 with the public key as the secret. */
function signatureOf(input: string, { publicKey, privateKey: key }: Pair, algorithm: Signing): string {
  if (algorithm === 'none') return '';
  const bytes = Buffer.from(input);
  if (algorithm === 'HS256') {
    const secret = publicKey.export({ format: 'pem', type: 'spki' });
    return createHmac('sha256', secret).update(bytes).digest('base64url');
  }
  const kind = key.asymmetricKeyType;
  if (kind === 'ed25519') return sign(null, bytes, key).toString('base64url');
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const dsaEncoding = algorithm === 'DER' ? ('der' as const) : ('ieee-p1363' as const);
  const options = kind === 'rsa' ? { key, ...(algorithm === 'PS256' && pss) } : { key, dsaEncoding };
  return sign(algorithm === 'ES384' ? 'sha384' : 'sha256', bytes, options).toString('base64url');
}

/** It stands for a byte that UTF-8 does not have. */
export const NO_UTF8 = '\ue000';

/** The bytes of a text. */
const toBytes = (text: string): Buffer =>
  Buffer.from(Buffer.from(text).toString('latin1').replaceAll('\xee\x80\x80', '\xff'), 'latin1');

const textOf = (part: object | string): string => (typeof part === 'string' ? part : JSON.stringify(part));

/** Signs a header and claims as they are, which a library would not: they may be any text. */
export function signParts(header: object | string, claims: object | string, pair: Pair, algorithm: Signing): string {
  const input = [header, claims].map((part) => toBytes(textOf(part)).toString('base64url')).join('.');
  return `${input}.${signatureOf(input, pair, algorithm)}`;
}
