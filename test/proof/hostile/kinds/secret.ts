import { generateKeyPairSync } from 'node:crypto';
import { answer, say } from '../play.ts';
import { accounts } from '../profiles.ts';
import { type Kind, kind, type Meaning } from './kind.ts';

const TYPE = 'application/x-amz-json-1.1';
const says = (name: string, meaning: Meaning, bodyOf: (secret: string) => string | Buffer): Kind =>
  kind(`secret: ${name}`, { secret: meaning }, ({ proper }) => {
    const secret = String((JSON.parse(proper.body) as { SecretString?: unknown }).SecretString);
    return [say(answer(200, { type: TYPE, body: bodyOf(secret) }))];
  });
const text = (name: string, meaning: Meaning, change: (secret: string) => string): Kind =>
  says(name, meaning, (secret) => JSON.stringify({ SecretString: change(secret) }));

/** Answers that hold no secret: Secrets Manager has not answered the question. */
const absent: readonly Kind[] = [
  says('no member', 'down', () => '{}'),
  says('null for a text', 'down', () => '{"SecretString":null}'),
  says('null in both forms', 'down', () => '{"SecretString":null,"SecretBinary":null}'),
  says('in small letters', 'down', (secret) => JSON.stringify({ secretString: secret })),
  says('in a prototype', 'down', (secret) => `{"__proto__":{"SecretString":${JSON.stringify(secret)}}}`),
  says('in an array', 'down', (secret) => JSON.stringify([{ SecretString: secret }])),
  says('with a date that is none', 'down', (secret) =>
    JSON.stringify({ SecretString: secret, CreatedDate: 'yesterday' }),
  ),
  says('a batch', 'down', (secret) => JSON.stringify({ SecretValues: [{ SecretString: secret }] })),
];

/** Texts that are no credential: an operator must mend them. */
const UNUSABLE: Readonly<Record<string, string>> = {
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
  'another type': '{"type":"user","clientId":"a","clientSecret":"b"}',
  'a type that is a number': '{"type":1,"clientId":"a","clientSecret":"b"}',
  'a key without a type': '{"keyId":"1","key":"a","userId":"2"}',
  'a truncated JSON': '{"clientId":"a","clientSecret":"b"',
  'arrays 30,000 deep': `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
  'a database login': '{"username":"a","password":"b","host":"c"}',
};
const unusable = Object.entries(UNUSABLE).map(([name, secret]) => text(name, 'unusable', () => secret));

const pem = (key: { export: (options: { type: 'pkcs8'; format: 'pem' }) => string | Buffer }): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Keys that ZITADEL cannot take, made when they are played. */
const KEYS: Readonly<Record<string, () => string>> = {
  'no PEM': () => 'not a key',
  'an empty PEM': () => '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n',
  'a cut PEM': () => accounts.saKey.key.key.slice(0, 800),
  'a PEM with a wrong letter': () => accounts.saKey.key.key.replace('MII', 'MIJ'),
  'a PEM in one line': () => accounts.saKey.key.key.replaceAll('\n', ''),
  'a public key': () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  'an encrypted key': () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a' })
      .toString(),
  'an RSA key of 1024 bit': () => pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
  'a key on P-384': () => pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
  'a key on secp256k1': () => pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey),
  'an Ed25519 key': () => pem(generateKeyPairSync('ed25519').privateKey),
  'an X25519 key': () => pem(generateKeyPairSync('x25519').privateKey),
  'a PEM of 60 kB': () => `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(60_000)}\n-----END PRIVATE KEY-----\n`,
};
const keyed = (members: object): string => JSON.stringify({ ...accounts.saKey.key, ...members });
const keys = Object.entries(KEYS).map(([name, make]) =>
  text(`a key that is ${name}`, 'unusable', () => keyed({ key: make() })),
);

/** Members of a key that make it useless. */
const MEMBERS: Readonly<Record<string, object>> = {
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
};
const members = Object.entries(MEMBERS).map(([name, change]) => text(`a key ${name}`, 'unusable', () => keyed(change)));

/** What can be used all the same. */
const usable: readonly Kind[] = [
  says('as bytes', 'answer', (secret) => JSON.stringify({ SecretBinary: Buffer.from(secret).toString('base64') })),
  says('as text and as bytes: the text counts', 'answer', (secret) =>
    JSON.stringify({ SecretString: secret, SecretBinary: Buffer.from('{}').toString('base64') }),
  ),
  says('with other members in nonsense', 'answer', (secret) =>
    JSON.stringify({ SecretString: secret, VersionStages: 42, VersionId: [], ARN: null, Name: {} }),
  ),
  says('of another name', 'answer', (secret) =>
    JSON.stringify({ Name: 'another', ARN: 'arn:aws:a', SecretString: secret }),
  ),
  says(
    'twice: the last one counts',
    'answer',
    (secret) => `{"SecretString":"{}","SecretString":${JSON.stringify(secret)}}`,
  ),
  says(
    'with a polluted prototype',
    'answer',
    (secret) => `{"__proto__":{"SecretString":"{}"},"SecretString":${JSON.stringify(secret)}}`,
  ),
  text('with white space around it', 'answer', (secret) => `\n ${secret} \n`),
  text('with other members', 'answer', (secret) =>
    secret.replace('{', '{"note":"a","tags":[1,2,3],"__proto__":{"a":1},'),
  ),
  text('in snake case', 'answer', (secret) =>
    secret.replace('clientId', 'client_id').replace('clientSecret', 'client_secret'),
  ),
];

/** What is read and turns out to be nothing. */
const binary: readonly Kind[] = [
  text('with a BOM', 'unusable', (secret) => `\ufeff${secret}`),
  says('as bytes of nothing', 'unusable', () => '{"SecretBinary":""}'),
  says('as bytes that are not UTF-8', 'unusable', () =>
    JSON.stringify({ SecretBinary: Buffer.alloc(64, 0xff).toString('base64') }),
  ),
  says('as bytes that are no base64', 'down', () => '{"SecretBinary":"%%%%"}'),
  says('as a number', 'unusable', () => '{"SecretString":42}'),
  says('as an object', 'unusable', (secret) => `{"SecretString":${secret}}`),
  says('as true', 'unusable', () => '{"SecretString":true}'),
];

export const secretKinds: readonly Kind[] = [...absent, ...unusable, ...keys, ...members, ...usable, ...binary];
