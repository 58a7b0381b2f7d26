import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { answer, nested } from '../answers.ts';
import { accounts } from '../profiles.ts';
import { type Given, type Kind, only } from './kind.ts';
import { kinds, type Table } from './table.ts';

/** The text of an answer of Secrets Manager, made of the proper secret. */
type Write = (secret: string) => string;

const says = (write: Write, { proper }: Given): Buffer => {
  const { SecretString } = JSON.parse(proper.body) as { SecretString: string };
  return answer(200, { type: 'application/x-amz-json-1.1', body: write(String(SecretString)) });
};
const holds = (change: Write, given: Given): Buffer =>
  says((secret) => JSON.stringify({ SecretString: change(secret) }), given);
const quoted = (secret: string): string => JSON.stringify(secret);
const base64 = (bytes: string | Buffer): string => Buffer.from(bytes as string).toString('base64');

const pem = (key: KeyObject, type: 'pkcs8' | 'spki' = 'pkcs8', cipher?: string): string =>
  key.export({ type, format: 'pem', ...(cipher === undefined ? {} : { cipher, passphrase: 'a' }) } as never).toString();
const onCurve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const goodKey = accounts.saKey.key;

/** Keys that ZITADEL does not accept, made when they are played. */
const KEYS: Table<() => string> = {
  'no PEM': () => 'not a key',
  'an empty PEM': () => '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n',
  'a cut PEM': () => goodKey.key.slice(0, 800),
  'a PEM with a wrong letter': () => goodKey.key.replace('MII', 'MIJ'),
  'a public key': () => pem(onCurve('P-256').publicKey, 'spki'),
  'an encrypted key': () => pem(onCurve('P-256').privateKey, 'pkcs8', 'aes-256-cbc'),
  'an RSA key of 1024 bit': () => pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
  'a key on P-384': () => pem(onCurve('P-384').privateKey),
  'a key on secp256k1': () => pem(onCurve('secp256k1').privateKey),
  'an Ed25519 key': () => pem(generateKeyPairSync('ed25519').privateKey),
  'an X25519 key': () => pem(generateKeyPairSync('x25519').privateKey),
  'a PEM of 60 kB': () => `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(60_000)}\n-----END PRIVATE KEY-----\n`,
};
const keyed = (members: object, given: Given): Buffer => holds(() => JSON.stringify({ ...goodKey, ...members }), given);

const DOWN = only('secret', 'down');
const UNUSABLE = only('secret', 'unusable');
const ANSWER = only('secret', 'answer');

export const secretKinds: readonly Kind[] = [
  // Answers without a secret: Secrets Manager has not answered the question.
  ...kinds('secret: *', DOWN, says, {
    'no member': () => '{}',
    'null for a text': () => '{"SecretString":null}',
    'null in both forms': () => '{"SecretString":null,"SecretBinary":null}',
    'in small letters': (secret) => `{"secretString":${quoted(secret)}}`,
    'in a prototype': (secret) => `{"__proto__":{"SecretString":${quoted(secret)}}}`,
    'in an array': (secret) => `[{"SecretString":${quoted(secret)}}]`,
    'with a date that is none': (secret) => `{"SecretString":${quoted(secret)},"CreatedDate":"yesterday"}`,
    'as a number': () => '{"SecretString":42}',
    'as an object': (secret) => `{"SecretString":${secret}}`,
    'as true': () => '{"SecretString":true}',
    'a batch': (secret) => `{"SecretValues":[{"SecretString":${quoted(secret)}}]}`,
    'as bytes that are no base64': () => '{"SecretBinary":"%%%%"}',
  }),
  // Texts that are not a credential: an operator must replace them.
  ...kinds('secret: *', UNUSABLE, (text, given) => holds(() => text, given), {
    empty: '',
    'a space': ' ',
    'no JSON': 'a-secret-in-plain-text-0123456789',
    'a key in plain PEM': accounts.saKey.key.key,
    null: 'null',
    'a number': '42',
    'a text': '"a"',
    'an array': '[{"clientId":"a","clientSecret":"b"}]',
    'an empty object': '{}',
    'a client id alone': '{"clientId":"a"}',
    'a client secret alone': '{"clientSecret":"b"}',
    'an empty client secret': '{"clientId":"a","clientSecret":""}',
    'a client secret that is a number': '{"clientId":"a","clientSecret":12345678}',
    'a client secret that is null': '{"clientId":"a","clientSecret":null}',
    'a client id that is an object': '{"clientId":{},"clientSecret":"b"}',
    'members in a prototype': '{"__proto__":{"clientId":"a","clientSecret":"b"}}',
    'a key without a type': '{"keyId":"1","key":"a","userId":"2"}',
    'a truncated JSON': '{"clientId":"a","clientSecret":"b"',
    'arrays 30,000 deep': nested(30_000),
    'a database login': '{"username":"a","password":"b","host":"c"}',
  }),
  ...kinds('secret: a key that is *', UNUSABLE, (make, given) => keyed({ key: make() }, given), KEYS),
  // Members of a key that make it useless.
  ...kinds('secret: a key *', UNUSABLE, keyed, {
    'without its id': { keyId: undefined },
    'without its user': { userId: undefined },
    'whose id is empty': { keyId: '' },
    'whose id is a number': { keyId: 1 },
    'that is null': { key: null },
    'that is an array': { key: ['a'] },
    'past its date': { expirationDate: '2020-01-01T00:00:00Z' },
    'whose date is a number': { expirationDate: 4_102_444_800 },
    'whose date is none': { expirationDate: 'tomorrow' },
    'whose date is empty': { expirationDate: '' },
  }),
  // What is usable all the same.
  ...kinds('secret: *', ANSWER, says, {
    'as bytes': (secret) => `{"SecretBinary":"${base64(secret)}"}`,
    'as text and as bytes: the text counts': (secret) =>
      `{"SecretString":${quoted(secret)},"SecretBinary":"${base64('{}')}"}`,
    'with other members in nonsense': (secret) =>
      `{"SecretString":${quoted(secret)},"VersionStages":42,"VersionId":[],"ARN":null,"Name":{}}`,
    'of another name': (secret) => `{"Name":"another","ARN":"arn:aws:a","SecretString":${quoted(secret)}}`,
    'twice: the last one counts': (secret) => `{"SecretString":"{}","SecretString":${quoted(secret)}}`,
    'with a polluted prototype': (secret) => `{"__proto__":{"SecretString":"{}"},"SecretString":${quoted(secret)}}`,
  }),
  ...kinds('secret: *', ANSWER, holds, {
    'with a BOM': (secret) => `\ufeff${secret}`,
    'another type': (secret) => secret.replace('{', '{"type":"user",'),
    'a type that is a number': (secret) => secret.replace('{', '{"type":1,'),
    'with white space around it': (secret) => `\n ${secret} \n`,
    'with other members': (secret) => secret.replace('{', '{"note":"a","tags":[1,2,3],"__proto__":{"a":1},'),
    'in snake case': (secret) => secret.replace('clientId', 'client_id').replace('clientSecret', 'client_secret'),
  }),
  ...kinds('secret: *', ANSWER, keyed, {
    'a key that is a PEM in one line': { key: goodKey.key.replaceAll('\n', '') },
  }),
  // What is read and is not a text, or not the text of a credential.
  ...kinds('secret: *', UNUSABLE, says, {
    'as bytes of nothing': () => '{"SecretBinary":""}',
    'as bytes that are not UTF-8': () => `{"SecretBinary":"${base64(Buffer.alloc(64, 0xff))}"}`,
  }),
];
