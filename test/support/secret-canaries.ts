import { SECRETS } from './accounts.ts';
import { type Canaries, createCanaries } from './canaries.ts';

/** A search for what is confidential in the secrets of the accounts: client secrets, and keys without the lines of PEM. */
export function createSecretCanaries(): Canaries {
  const canaries = createCanaries();
  for (const [name, secret] of Object.entries(SECRETS)) {
    const { clientSecret, key } = JSON.parse(secret) as { readonly clientSecret?: string; readonly key?: string };
    if (clientSecret !== undefined) canaries.plant(`clientSecret of ${name}`, clientSecret);
    if (key !== undefined) canaries.plant(`key of ${name}`, key.replace(/-----[A-Z ]+-----|\n/g, ''));
  }
  return canaries;
}

/** Client authentication, assertions without their headers, which are no secret, and tokens of both directions. */
const SECRET_MEMBERS = [
  /authorization: basic ([\w+/=]{20,})/gi,
  /(?:^|[\n&])(?:\w+_)?assertion=[\w-]+\.([\w.-]{20,})/g,
  /(?:^|[\n&])(?:\w+_)?token=([\w%.~-]{20,})/g,
  /"access_token":"([\w.-]{20,})"/g,
];

/** What of the traffic with ZITADEL is secret: no two requests have the same. */
export const secretsIn = (traffic: string): readonly string[] =>
  SECRET_MEMBERS.flatMap((pattern) =>
    [...traffic.matchAll(pattern)].map(([, secret = '']) => decodeURIComponent(secret)),
  );
