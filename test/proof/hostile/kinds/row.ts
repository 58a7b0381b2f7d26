import { answer, say } from '../play.ts';
import { type Kind, kind, type Meaning } from './kind.ts';

const TYPE = 'application/x-amz-json-1.0';
/** The instant of a case that knows no token; with one it is half a day later. */
const NOW_MS = 1_795_438_700_000;
const DAY_MS = 86_400_000;

const item = (name: string, meaning: Meaning, body: string): Kind =>
  kind(`row: ${name}`, { item: meaning }, () => [say(answer(200, { type: TYPE, body }))]);
const holding = (name: string, meaning: Meaning, attributes: string): Kind =>
  item(name, meaning, `{"Item":{"pk":{"S":"a"},${attributes}}}`);

/** Answers without a row. */
const ROWLESS: Readonly<Record<string, string>> = {
  'no member': '{}',
  'null for a row': '{"Item":null}',
  'an empty row': '{"Item":{}}',
  'a row in small letters': '{"item":{"sealed":{"S":"a"}}}',
  'a row in a prototype': '{"__proto__":{"Item":{"leaseUntil":{"N":"9999999999999"}}}}',
  'attributes in place of a row': '{"Attributes":{"leaseUntil":{"N":"9999999999999"}}}',
  'a batch of rows': '{"Responses":{"tokens":[{"sealed":{"S":"a"}}]}}',
  'a capacity alone': '{"ConsumedCapacity":{"TableName":"tokens","CapacityUnits":1e308}}',
};
const rowless = Object.entries(ROWLESS).map(([name, body]) => item(name, 'answer', body));

/** Values that are of no type that DynamoDB has. What the SDK cannot read is a fault; either way a token is obtained. */
const VALUES = [
  'null',
  '42',
  '"a"',
  'true',
  '[]',
  '{}',
  '{"S":null}',
  '{"S":42}',
  '{"S":{}}',
  '{"N":null}',
  '{"N":42}',
  '{"N":"abc"}',
  '{"N":""}',
  '{"N":"NaN"}',
  '{"N":"Infinity"}',
  '{"N":"-Infinity"}',
  '{"N":"0x10"}',
  '{"N":"1e400"}',
  '{"N":"-1"}',
  '{"N":"1.5"}',
  '{"N":"-0"}',
  '{"BOOL":true}',
  '{"NULL":true}',
  '{"B":"%%%"}',
  '{"B":"AAAA"}',
  '{"L":[]}',
  '{"M":{}}',
  '{"SS":["a"]}',
  '{"NS":["1"]}',
  '{"BS":["AA=="]}',
  '{"X":"a"}',
  '{"S":"a","N":"1"}',
  '{"__proto__":{"S":"a"}}',
];
const values = VALUES.flatMap((value) => [
  holding(`a lease until ${value}`, 'answer', `"leaseUntil":${value}`),
  holding(`a sealed token that is ${value}`, 'answer', `"sealed":${value},"credential":{"S":"a"}`),
]);

/** Sealed tokens that nobody has sealed. */
const SEALS: Readonly<Record<string, string>> = {
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
const OLD = `"expiresAt":{"N":"${NOW_MS + DAY_MS}"},"refreshAt":{"N":"1"}`;
const seals = Object.entries(SEALS).flatMap(([name, sealed]) =>
  ['nobody', ''].map((credential) =>
    holding(
      `a sealed token that is ${name}, by ${credential || 'an empty name'}`,
      'answer',
      `"sealed":{"S":${JSON.stringify(sealed)}},"credential":{"S":"${credential}"},${OLD}`,
    ),
  ),
);

const far = NOW_MS + 30 * DAY_MS;

/** Rows that keep nobody. */
const passing: readonly Kind[] = [
  // No lease lasts so long by the reader's clock.
  holding(
    'a lease that ends in 30 days',
    'answer',
    `"leaseUntil":{"N":"${far}"},"owner":{"S":"a"},"generation":{"N":"1"}`,
  ),
  holding('a lease that never ends', 'answer', '"leaseUntil":{"N":"1e300"},"owner":{"S":"a"}'),
  // No failure is remembered for so long: these are believed as little as if they were not there.
  holding(
    'a failure that ends in 30 days',
    'answer',
    `"failedUntil":{"N":"${far}"},"failure":{"S":"unavailable"},"failures":{"N":"3"}`,
  ),
  holding('a failure that never ends', 'answer', '"failedUntil":{"N":"1e300"},"failure":{"S":"unavailable"}'),
  holding('a failure without a kind', 'answer', `"failedUntil":{"N":"${NOW_MS + DAY_MS}"}`),
  holding(
    'a failure of an unknown kind',
    'answer',
    `"failedUntil":{"N":"${NOW_MS + DAY_MS}"},"failure":{"S":"__proto__"}`,
  ),
  holding('a lease that has ended', 'answer', '"leaseUntil":{"N":"1"},"owner":{"S":"a"},"generation":{"N":"7"}'),
  holding('a lease that ended before all time', 'answer', '"leaseUntil":{"N":"-1e300"}'),
  holding('a failure that is over', 'answer', '"failedUntil":{"N":"1"},"failure":{"S":"unavailable"}'),
  holding(
    'a failure of another credential',
    'answer',
    `"failedUntil":{"N":"${far}"},"failedCredential":{"S":"another"}`,
  ),
  holding('a generation beyond all bounds', 'answer', '"generation":{"N":"99999999999999999999999999999999999999"}'),
  holding('a negative generation', 'answer', '"generation":{"N":"-5"}'),
  holding(
    '1,000 unknown attributes',
    'answer',
    Array.from({ length: 1_000 }, (_none, at) => `"a${at}":{"S":"b"}`).join(),
  ),
  holding(
    'attributes named as methods',
    'answer',
    '"__proto__":{"S":"a"},"constructor":{"S":"b"},"toString":{"N":"1"}',
  ),
  holding('nested 3,000 deep', 'answer', `"deep":${'{"L":['.repeat(3_000)}${']}'.repeat(3_000)}`),
  holding('an end of the token and no token', 'answer', OLD),
];

export const rowKinds: readonly Kind[] = [...rowless, ...values, ...seals, ...passing];
