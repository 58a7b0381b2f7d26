import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { accounts } from '../../../support/accounts.ts';
import { answer, type Given, nested } from '../play.ts';
import { START } from '../time.ts';
import { atAws, type Kind, kinds, type Means, named, only, plays, type Table, words } from './kind.ts';

const says = (body: string, status = 400, lines: readonly string[] = [], type = 'application/x-amz-json-1.1'): Buffer =>
  answer(status, { type, body }, lines);

/** An error as AWS writes it. The message repeats what was sent, which must go no further. */
const awsError =
  (name: string, status = 400) =>
  ({ sent }: Given): Buffer =>
    says(JSON.stringify({ __type: name, message: `no good: ${sent.body}` }), status);

/** Errors by their status, each with what stands before its name. */
const errors = (pattern: string, means: Means, byStatus: Table<string>, prefix = ''): readonly Kind[] =>
  Object.entries(byStatus).flatMap(([status, names]) =>
    kinds(pattern, means, (name, given) => awsError(prefix + name, Number(status))(given), words(names)),
  );

/** Errors of Secrets Manager after which the secret stays unusable until an operator acts, and others. */
const LASTING = `ResourceNotFoundException AccessDeniedException InvalidRequestException InvalidParameterException
  DecryptionFailure`;
const PASSING = 'LimitExceededException EncryptionFailure PreconditionNotMetException MalformedPolicyDocumentException';

/** Errors of DynamoDB. A condition that does not hold is not among them: then the row decides. */
const DATABASE = 'com.amazonaws.dynamodb.v20120810#';
const OF_TABLE = `ProvisionedThroughputExceededException ResourceNotFoundException TransactionConflictException
  ItemCollectionSizeLimitExceededException ReplicatedWriteConflictException LimitExceededException
  AccessDeniedException TableNotFoundException ResourceInUseException`;

const DATES = ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'yesterday', ''];

const NO_ERROR: Means = { ...atAws('answer'), secret: 'down' };

const skewed = (date: string): Buffer => says('{"__type":"RequestTimeTooSkewed"}', 403, [`Date: ${date}`]);

const ERRORS: readonly Kind[] = [
  // Errors of any service, which pass by themselves or concern the function, not what it asks for.
  ...errors('AWS error: *', atAws('down'), {
    400: `ThrottlingException Throttling RequestLimitExceeded RequestTimeoutException ExpiredTokenException
    UnrecognizedClientException IncompleteSignatureException MissingAuthenticationTokenException
    SerializationException NotAuthorized ValidationException`,
    403: 'InvalidSignatureException RequestTimeTooSkewed OptInRequired',
    404: 'UnknownOperationException',
    408: 'RequestTimeout',
    429: 'TooManyRequestsException',
    500: 'InternalServerError InternalServiceError InternalFailure',
    503: 'SlowDown ServiceUnavailable ServiceUnavailableException',
  }),
  ...errors('error of Secrets Manager: *', { secret: 'unusable' }, { 400: LASTING }),
  ...errors('error of Secrets Manager: *', { secret: 'down' }, { 400: PASSING }),
  ...errors('error of DynamoDB: *', { item: 'down', update: 'down' }, { 400: OF_TABLE }, DATABASE),
  // Other ways to name an error, or none.
  ...plays('AWS error: *', atAws('down'), {
    'with a name space': awsError('com.amazon.coral.service#ThrottlingException'),
    'with a link': awsError('ThrottlingException:http://internal.amazon.com/coral/'),
    'in a header': says('{}', 400, ['x-amzn-ErrorType: ThrottlingException']),
    'in a header, with a link': says('{}', 400, ['x-amzn-errortype: ThrottlingException:http://a/']),
    'as a number': says('{"__type":42,"message":42}'),
    'as null': says('{"__type":null}'),
    'as an object': says('{"__type":{"a":1}}'),
    'as __proto__': awsError('__proto__'),
    'as constructor': awsError('constructor'),
    'as toString': awsError('toString', 500),
    'with a line break': awsError('Throttling\r\nException'),
    'with 60,000 characters': awsError('X'.repeat(60_000)),
    'with an escape sequence': awsError('\x1b[31mno'),
    'that is empty': awsError(''),
    'as XML': says('<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>', 400, [], 'text/xml'),
    'as CBOR': answer(400, { type: 'application/cbor', body: Buffer.from('a1665f5f74797065614e', 'hex') }),
    'with no body': says(''),
    'after which to wait an hour': says('{"__type":"ServiceUnavailable"}', 503, ['Retry-After: 3600']),
    'after which to wait for ever': says('{"__type":"SlowDown"}', 503, ['Retry-After: Fri, 31 Dec 9999 23:59:59 GMT']),
    'after which to wait, in milliseconds': says('{}', 503, ['x-amz-retry-after: 999999999']),
  }),
  ...plays('AWS error: *', NO_ERROR, {
    'with a status of 200': says('{"__type":"ThrottlingException","message":"no"}', 200, ['x-amzn-ErrorType: a']),
  }),
  ...kinds('AWS error: the clock is wrong, it is "*"', atAws('down'), skewed, named(DATES)),
];

/** The text of an answer of Secrets Manager, made of the proper secret. */
type Write = (secret: string) => string;

const writes = (write: Write, { proper }: Given): Buffer =>
  says(write(String(JSON.parse(proper.body).SecretString)), 200);
const holds = (change: Write, given: Given): Buffer =>
  writes((secret) => JSON.stringify({ SecretString: change(secret) }), given);
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

const SECRET: readonly Kind[] = [
  // Answers without a secret: Secrets Manager has not answered the question.
  ...kinds('secret: *', DOWN, writes, {
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
  ...kinds('secret: *', ANSWER, writes, {
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
  ...kinds('secret: *', UNUSABLE, writes, {
    'as bytes of nothing': () => '{"SecretBinary":""}',
    'as bytes that are not UTF-8': () => `{"SecretBinary":"${base64(Buffer.alloc(64, 0xff))}"}`,
  }),
];

const DAY_MS = 86_400_000;
const FAR = START + 30 * DAY_MS;

const row = (body: string, status = 200): Buffer => says(body, status, [], 'application/x-amz-json-1.0');
const holding = (attributes: string): Buffer => row(`{"Item":{"pk":{"S":"a"},${attributes}}}`);
const thousand = Array.from({ length: 1_000 }, (_none, at) => `"a${at}":{"S":"b"}`).join();

const ITEM = only('item', 'answer');

/** Values of no type that DynamoDB has. What cannot be read is a fault; either way a token is obtained. */
const VALUES = words(`
  null 42 "a" true [] {} {"S":null} {"S":42} {"S":{}} {"N":null} {"N":42} {"N":"abc"} {"N":""} {"N":"NaN"}
  {"N":"Infinity"} {"N":"-Infinity"} {"N":"0x10"} {"N":"1e400"} {"N":"-1"} {"N":"1.5"} {"N":"-0"} {"BOOL":true}
  {"NULL":true} {"B":"%%%"} {"B":"AAAA"} {"L":[]} {"M":{}} {"SS":["a"]} {"NS":["1"]} {"BS":["AA=="]} {"X":"a"}
  {"S":"a","N":"1"} {"__proto__":{"S":"a"}}
`);

/** Sealed tokens that nobody has sealed. */
const SEALS: Table<string> = {
  empty: '',
  'a word': 'token',
  'dots alone': '....',
  'a JWT without a signature': 'eyJhbGciOiJub25lIn0.eyJ0b2tlbiI6ImEifQ.',
  'a JWE of another algorithm': 'eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d',
  'a JWE with a password':
    'eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMTI4R0NNIiwicDJjIjo5OTk5OTk5OTksInAycyI6ImEifQ.a.b.c.d',
  'a JWE of zeros': 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA',
  'a compressed JWE':
    'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA',
  'no letters of base64url': '!!!.!!!.!!!.!!!.!!!',
  'of 390,000 characters': 'A'.repeat(390_000),
  'of emojis': '🔑'.repeat(1_000),
};
const OLD = `"expiresAt":{"N":"${START + DAY_MS}"},"refreshAt":{"N":"1"}`;
const sealed = (value: string, credential: string): string => `"sealed":${value},"credential":{"S":"${credential}"}`;
const sealedBy = (credential: string) => (text: string) =>
  holding(`${sealed(`{"S":${JSON.stringify(text)}}`, credential)},${OLD}`);

const lease = (generation: string, until: string): string =>
  `{"Attributes":{"owner":{"S":"another"},"generation":{"N":"${generation}"},"leaseUntil":{"N":"${until}"}}}`;

/** A condition that does not hold: the write was not made, whatever else the answer says. */
const refused = (members: object, status = 400): Buffer =>
  row(JSON.stringify({ __type: `${DATABASE}ConditionalCheckFailedException`, message: 'no', ...members }), status);

const ROW: readonly Kind[] = [
  // Answers without a row.
  ...kinds('row: *', ITEM, (body) => row(body), {
    'no member': '{}',
    'null for a row': '{"Item":null}',
    'an empty row': '{"Item":{}}',
    'a row in small letters': '{"item":{"sealed":{"S":"a"}}}',
    'a row in a prototype': '{"__proto__":{"Item":{"leaseUntil":{"N":"9999999999999"}}}}',
    'attributes in place of a row': '{"Attributes":{"leaseUntil":{"N":"9999999999999"}}}',
    'a batch of rows': '{"Responses":{"tokens":[{"sealed":{"S":"a"}}]}}',
    'a capacity alone': '{"ConsumedCapacity":{"TableName":"tokens","CapacityUnits":1e308}}',
  }),
  ...kinds('row: a lease until *', ITEM, (value) => holding(`"leaseUntil":${value}`), VALUES),
  ...kinds('row: a sealed token that is *', ITEM, (value) => holding(sealed(value, 'a')), VALUES),
  ...kinds('row: a sealed token that is *, by nobody', ITEM, sealedBy('nobody'), SEALS),
  ...kinds('row: a sealed token that is *, by an empty name', ITEM, sealedBy(''), SEALS),
  // Rows that hold nobody back: no lease or failure lasts so long by the reader's clock, or it is over.
  ...kinds('row: *', ITEM, (attributes) => holding(attributes), {
    'a lease that ends in 30 days': `"leaseUntil":{"N":"${FAR}"},"owner":{"S":"a"},"generation":{"N":"1"}`,
    'a lease that never ends': '"leaseUntil":{"N":"1e300"},"owner":{"S":"a"}',
    'a failure that ends in 30 days': `"failedUntil":{"N":"${FAR}"},"failure":{"S":"unavailable"},"failures":{"N":"3"}`,
    'a failure that never ends': '"failedUntil":{"N":"1e300"},"failure":{"S":"unavailable"}',
    'a failure without a kind': `"failedUntil":{"N":"${START + DAY_MS}"}`,
    'a failure of an unknown kind': `"failedUntil":{"N":"${START + DAY_MS}"},"failure":{"S":"__proto__"}`,
    'a lease that has ended': '"leaseUntil":{"N":"1"},"owner":{"S":"a"},"generation":{"N":"7"}',
    'a lease that ended before all time': '"leaseUntil":{"N":"-1e300"}',
    'a failure that is over': '"failedUntil":{"N":"1"},"failure":{"S":"unavailable"}',
    'a failure of another credential': `"failedUntil":{"N":"${FAR}"},"failedCredential":{"S":"another"}`,
    'a generation beyond all bounds': '"generation":{"N":"99999999999999999999999999999999999999"}',
    'a negative generation': '"generation":{"N":"-5"}',
    '1,000 unknown attributes': thousand,
    'attributes named as methods': '"__proto__":{"S":"a"},"constructor":{"S":"b"},"toString":{"N":"1"}',
    'nested 3,000 deep': `"deep":${'{"L":['.repeat(3_000)}${']}'.repeat(3_000)}`,
    'an end of the token and no token': OLD,
  }),
  // Answers to a write. Some say nothing of it, or something else: the row itself decides. Others promise too much.
  ...kinds('write: *', only('update', 'answer'), (body) => row(body), {
    'no attributes': '{}',
    'null for attributes': '{"Attributes":null}',
    'empty attributes': '{"Attributes":{}}',
    'a row in their place': '{"Item":{"owner":{"S":"a"},"generation":{"N":"1"}}}',
    'attributes in small letters': '{"attributes":{"owner":{"S":"a"}}}',
    'attributes in a prototype': '{"__proto__":{"Attributes":{"owner":{"S":"a"}}}}',
    'attributes of other types': '{"Attributes":{"owner":{"N":"1"},"generation":{"S":"a"},"leaseUntil":{"BOOL":true}}}',
    'the owner alone': '{"Attributes":{"owner":{"S":"a"}}}',
    'a lease that has ended': '{"Attributes":{"owner":{"S":"a"},"generation":{"N":"1"},"leaseUntil":{"N":"1"}}}',
    'a lease until nothing': '{"Attributes":{"owner":{"S":"a"},"generation":{"N":"1"},"leaseUntil":{"N":"NaN"}}}',
    'a lease of negative time': '{"Attributes":{"owner":{"S":"a"},"generation":{"N":"1"},"leaseUntil":{"N":"-1e300"}}}',
    "somebody else's lease": lease('1', String(START + 100_000_000)),
    'a lease without an end': lease('1', '1e300'),
    'a generation beyond all bounds': lease('99999999999999999999999999999999999999', '1e300'),
    'a negative generation': lease('-1', '1e300'),
    'a generation in fractions': lease('1.5', '1e300'),
    '1,000 attributes': `{"Attributes":{${thousand}}}`,
  }),
  ...plays('write refused: *', only('update', 'refused'), {
    'in plain': refused({}),
    'with a row': refused({ Item: { owner: { S: 'a' } } }),
    'with a row of nonsense': refused({ Item: { owner: 42 } }),
    'with null for a row': refused({ Item: null }),
    'with a status of 500': refused({}, 500),
    'with a status of 503': refused({}, 503),
  }),
];

/** What Secrets Manager and DynamoDB say. */
export const awsKinds: readonly Kind[] = [...ERRORS, ...SECRET, ...ROW];
