import { answer, nested, something, withBody } from '../answers.ts';
import { ANSWER, type Given, type Kind, NO_BODY } from './kind.ts';
import { kinds, named, type Table } from './table.ts';

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

/** What is done to the proper JSON, so that it is not JSON any more. */
const SPOILERS: Table<(json: string) => string | Buffer> = {
  'nothing at all': () => '',
  'a space': () => ' ',
  'a line of zeros': () => Buffer.alloc(100),
  'a BOM before it': (json) => `\ufeff${json}`,
  'UTF-16, little end first': utf16,
  'UTF-16, big end first': (json) => utf16(json).swap16(),
  'UTF-32': (json) => Buffer.concat([...json].map((letter) => Buffer.from([letter.charCodeAt(0), 0, 0, 0]))),
  'a NUL after it': (json) => `${json}\0`,
  'a comma after it': (json) => `${json},`,
  'a comma at its end': (json) => json.replace(/\}$/, ',}'),
  'a second one after it': (json) => `${json}\n${json}`,
  'a comment in it': (json) => json.replace('{', '{/* a */'),
  'single quotes': (json) => json.replaceAll('"', "'"),
  'names without quotes': (json) => json.replace(/"(\w+)":/g, '$1:'),
  'a guard before it': (json) => `)]}',\n${json}`,
  'a call around it': (json) => `callback(${json});`,
  'its last brace missing': (json) => json.slice(0, -1),
  'its first half alone': (json) => json.slice(0, json.length >> 1),
  'a line break in a text': (json) => json.replace('{"', '{"a\nb":1,"'),
  'an escape that is none': (json) => json.replace('{"', '{"\\x41":1,"'),
  'an array around it': (json) => `[${json}]`,
  'a text around it': (json) => JSON.stringify(json),
  'an event stream': (json) => `data: ${json}\n\n`,
  multipart: (json) => `--a\r\nContent-Type: application/json\r\n\r\n${json}\r\n--a--\r\n`,
  base64: (json) => Buffer.from(json).toString('base64'),
  'url-encoded': (json) => encodeURIComponent(json),
};

const IN_ANOTHER_MEMBER = Buffer.from('{"x":"\xff\xfe\xc0\xaf",', 'latin1');

/** What is JSON all the same. */
const HARMLESS: Table<(json: string) => string | Buffer> = {
  'white space around it': (json) => `\r\n\t ${json} \r\n\t`,
  'a line for each member': (json) => json.replaceAll(',"', ',\n"'),
  'bytes that are not UTF-8 in another member': (json) =>
    Buffer.concat([IN_ANOTHER_MEMBER, Buffer.from(json.slice(1))]),
  'half an emoji in another member': (json) => json.replace('{', '{"x":"\\ud83d",'),
  'numbers beyond all bounds in another member': (json) => json.replace('{', '{"x":[1e999,-1e999,1e-999],'),
};

const OTHER_TYPES = [
  ...['text/html', 'text/plain', 'text/json', 'json', '*/*', ';', 'text/html; application/json'],
  ...['jwt', 'xml', 'javascript', 'x-www-form-urlencoded', 'octet-stream', 'jsonp', 'json-seq', 'jsonx'].map(
    (type) => `application/${type}`,
  ),
  ...['xapplication/json', 'multipart/form-data; boundary=a'],
];
const JSON_TYPES = [
  'application/json;charset=utf-8',
  'application/json ; charset=utf-16',
  'APPLICATION/JSON',
  'application/problem+json',
  'application/vnd.zitadel.v2+json; profile="a"',
  'application/json;;;',
];
/** The SDK of AWS ignores the content type. */
const OTHER_TYPE = { ...ANSWER, token: 'nonsense', introspection: 'nonsense' } as const;
const typed = (type: string | undefined, { proper: { status, body } }: Given): Buffer => answer(status, { type, body });

const dressed = (dress: (json: string) => string | Buffer, given: Given): Buffer => {
  const { body } = given.proper;
  return withBody(given, body.length > 2 ? dress(body) : body);
};

export const jsonKinds: readonly Kind[] = [
  ...kinds('JSON: *', NO_BODY, (spoil, given) => withBody(given, spoil(something(given.proper))), SPOILERS),
  // Whole bodies that are JSON, or nearly, and not an object.
  ...kinds('JSON: *', NO_BODY, (body, given) => withBody(given, body), {
    null: 'null',
    true: 'true',
    'a number': '42',
    'a text': '"access_token"',
    'an empty array': '[]',
    NaN: 'NaN',
    undefined: 'undefined',
    'an array 30,000 deep': nested(30_000),
    'arrays without an end': '['.repeat(60_000),
    'objects without an end': '{"a":'.repeat(12_000),
    'a long number': '9'.repeat(60_000),
    YAML: 'access_token: a\ntoken_type: Bearer\nexpires_in: 3600\n',
    'a form': 'access_token=a&token_type=Bearer&expires_in=3600',
    XML: '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><token>&b;</token>',
    'a page': '<!DOCTYPE html><title>Sign in to the network</title>',
    'a JWT': 'eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.',
    gRPC: '\0\0\0\0\x05hello',
  }),
  ...kinds('JSON: *', ANSWER, dressed, HARMLESS),
  ...kinds('content type: *', OTHER_TYPE, typed, { ...named(OTHER_TYPES), empty: '', none: undefined }),
  ...kinds('content type: *', ANSWER, typed, named(JSON_TYPES)),
];
