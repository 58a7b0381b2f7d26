import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { type Redacted, redacted } from '../core/redacted.ts';
import type { SigningKey } from '../oauth/assertion.ts';

/** A key pair made in memory, in PEM: the public half for ZITADEL, the private half for the secret. */
export interface KeyPair {
  /** PKIX (SubjectPublicKeyInfo). */
  readonly publicKey: string;
  /** PKCS#1 for RSA, as in ZITADEL's own key JSON; PKCS#8 for P-256. */
  readonly privateKey: Redacted<string>;
}

const generate = promisify(generateKeyPair);

const PUBLIC = { type: 'spki', format: 'pem' } as const;

const RSA_BITS = 2048;

/**
 * Creates a key pair that is no weaker than a key, if there is one: P-256 for P-256, else RSA of at least 2048 bit.
 * ZITADEL accepts other keys as well, but not what they sign.
 */
export async function createKeyPair({ alg, privateKey: like }: Partial<SigningKey> = {}): Promise<KeyPair> {
  if (alg === 'ES256') {
    const { publicKey, privateKey } = await generate('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return { publicKey: publicKey.export(PUBLIC).toString(), privateKey: redacted(pem) };
  }
  const modulusLength = Math.max(RSA_BITS, like?.asymmetricKeyDetails?.modulusLength ?? 0);
  const { publicKey, privateKey } = await generate('rsa', { modulusLength });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  return { publicKey: publicKey.export(PUBLIC).toString(), privateKey: redacted(pem) };
}

/** ZITADEL's key JSON of a service account, for a key whose private half ZITADEL never had. */
export const serviceAccountJson = ({
  userId,
  keyId,
  privateKey,
  expirationDate,
}: {
  userId: string;
  keyId: string;
  privateKey: Redacted<string>;
  expirationDate: string;
}): Redacted<string> =>
  redacted(JSON.stringify({ type: 'serviceaccount', keyId, key: privateKey.reveal(), expirationDate, userId }));
