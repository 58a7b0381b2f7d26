import { answer, say } from '../play.ts';
import { type Kind, kind, type Meaning } from './kind.ts';

const TYPE = 'application/x-amz-json-1.0';
const NOW_MS = 1_795_438_700_000;

const says = (name: string, body: string, meaning: Meaning = 'answer'): Kind =>
  kind(`write: ${name}`, { update: meaning }, () => [say(answer(200, { type: TYPE, body }))]);

/** Answers to a write that was made, which say nothing of it, or something else: the row itself tells. */
const SILENT: Readonly<Record<string, string>> = {
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
};
const silent = Object.entries(SILENT).map(([name, body]) => says(name, body));

/** Answers that promise more than was asked for: the token is obtained, and cannot be stored. */
const lease = (generation: string, until: string): string =>
  `{"Attributes":{"owner":{"S":"another"},"generation":{"N":"${generation}"},"leaseUntil":{"N":"${until}"}}}`;
const generous: readonly Kind[] = [
  says("somebody else's lease", lease('1', String(NOW_MS + 100_000_000))),
  says('a lease without an end', lease('1', '1e300')),
  says('a generation beyond all bounds', lease('99999999999999999999999999999999999999', '1e300')),
  says('a negative generation', lease('-1', '1e300')),
  says('a generation in fractions', lease('1.5', '1e300')),
  says(
    '1,000 attributes',
    `{"Attributes":{${Array.from({ length: 1_000 }, (_none, at) => `"a${at}":{"S":"b"}`).join()}}}`,
  ),
];

const FAILED = 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException';
const refuses = (name: string, members: object, status = 400): Kind =>
  kind(`write refused: ${name}`, { update: 'refused' }, () => [
    say(answer(status, { type: TYPE, body: JSON.stringify({ __type: FAILED, message: 'no', ...members }) })),
  ]);

/** A condition that does not hold, whatever else it says: then it was not made. */
const refused: readonly Kind[] = [
  refuses('in plain', {}),
  refuses('with a row', { Item: { owner: { S: 'a' } } }),
  refuses('with a row of nonsense', { Item: { owner: 42 } }),
  refuses('with null for a row', { Item: null }),
  refuses('with a status of 500', {}, 500),
  refuses('with a status of 503', {}, 503),
];

export const writeKinds: readonly Kind[] = [...silent, ...generous, ...refused];
