import { answer } from '../answers.ts';
import { START } from '../time.ts';
import { type Kind, only } from './kind.ts';
import { kinds, plays, type Table, words } from './table.ts';

const DAY_MS = 86_400_000;
const FAR = START + 30 * DAY_MS;

const says = (body: string, status = 200): Buffer => answer(status, { type: 'application/x-amz-json-1.0', body });
const holding = (attributes: string): Buffer => says(`{"Item":{"pk":{"S":"a"},${attributes}}}`);
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
const refused = (members: object, status = 400): Buffer => {
  const type = 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException';
  return says(JSON.stringify({ __type: type, message: 'no', ...members }), status);
};

export const rowKinds: readonly Kind[] = [
  // Answers without a row.
  ...kinds('row: *', ITEM, (body) => says(body), {
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
  ...kinds('write: *', only('update', 'answer'), (body) => says(body), {
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
