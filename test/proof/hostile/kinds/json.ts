import { answer, say } from '../play.ts';
import { ANSWER, type Kind, kind, NONSENSE } from './kind.ts';

/** Of revocation's answer the body does not count (RFC 7009 §2.2). */
const NO_JSON: Kind['means'] = { ...NONSENSE, revocation: 'answer' };

const utf16 = (text: string, isBigEndian: boolean): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return isBigEndian ? bytes.swap16() : bytes;
};

/** What is done to the proper JSON, so that it is none. */
const SPOILERS: Readonly<Record<string, (json: string) => string | Buffer>> = {
  'nothing at all': () => '',
  'a space': () => ' ',
  'a line of zeros': () => Buffer.alloc(100),
  'a BOM before it': (json) => `\ufeff${json}`,
  'UTF-16, little end first': (json) => utf16(json, false),
  'UTF-16, big end first': (json) => utf16(json, true),
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

/** Whole bodies that are JSON, or nearly, and no object. */
const BODIES: Readonly<Record<string, string>> = {
  null: 'null',
  true: 'true',
  'a number': '42',
  'a text': '"access_token"',
  'an empty array': '[]',
  NaN: 'NaN',
  undefined: 'undefined',
  'an array 30,000 deep': `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
  'arrays without an end': '['.repeat(60_000),
  'objects without an end': '{"a":'.repeat(12_000),
  'a long number': '9'.repeat(60_000),
  YAML: 'access_token: a\ntoken_type: Bearer\nexpires_in: 3600\n',
  'a form': 'access_token=a&token_type=Bearer&expires_in=3600',
  XML: '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><token>&b;</token>',
  'a page': '<!DOCTYPE html><title>Sign in to the network</title>',
  'a JWT': 'eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.',
  gRPC: '\0\0\0\0\x05hello',
};

/** What the SDK of AWS takes for an answer without members: it asks for no object. */
const NO_MEMBERS =
  /^(?:nothing at all|an array around it|a text around it|null|true|a number|a text|an empty array|an array 30|a long)/;
const NO_OBJECT: Kind['means'] = { ...NO_JSON };

const something = (body: string): string => (body.length > 2 ? body : '{"a":1}');

const calledJson = ([name, bodyOf]: readonly [string, (json: string) => string | Buffer]): Kind =>
  kind(`JSON: ${name}`, NO_MEMBERS.test(name) ? NO_OBJECT : NO_JSON, ({ proper }) => [
    say(answer(200, { type: proper.type, body: bodyOf(something(proper.body)) })),
  ]);

const spoilt = Object.entries(SPOILERS).map(calledJson);
const whole = Object.entries(BODIES).map(([name, body]) => calledJson([name, () => body]));

/** What is JSON all the same. */
const HARMLESS: Readonly<Record<string, (json: string) => string | Buffer>> = {
  'white space around it': (json) => `\r\n\t ${json} \r\n\t`,
  'a line for each member': (json) => json.replaceAll(',"', ',\n"'),
  'bytes that are not UTF-8 in another member': (json) =>
    Buffer.concat([
      Buffer.from('{"x":"'),
      Buffer.from([0xff, 0xfe, 0xc0, 0xaf]),
      Buffer.from('",'),
      Buffer.from(json.slice(1)),
    ]),
  'half an emoji in another member': (json) => json.replace('{', '{"x":"\\ud83d",'),
  'numbers beyond all bounds in another member': (json) => json.replace('{', '{"x":[1e999,-1e999,1e-999],'),
};

const harmless = Object.entries(HARMLESS).map(([name, dress]) =>
  kind(`JSON: ${name}`, ANSWER, ({ proper }) => [
    say(answer(proper.status, { type: proper.type, body: proper.body.length > 2 ? dress(proper.body) : proper.body })),
  ]),
);

/** Content types; the SDK of AWS asks for none. */
const OTHER_TYPES = [
  'text/html',
  'text/plain',
  'text/json',
  'application/jwt',
  'application/xml',
  'application/javascript',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/jsonp',
  'application/json-seq',
  'application/jsonx',
  'xapplication/json',
  'json',
  '*/*',
  ';',
  'text/html; application/json',
  'multipart/form-data; boundary=a',
];
const JSON_TYPES = [
  'application/json;charset=utf-8',
  'application/json ; charset=utf-16',
  'APPLICATION/JSON',
  'application/problem+json',
  'application/vnd.zitadel.v2+json; profile="a"',
  'application/json;;;',
];

const typed = (type: string, zitadel: 'answer' | 'nonsense'): Kind =>
  kind(`content type: ${type}`, { ...ANSWER, token: zitadel, introspection: zitadel }, ({ proper }) => [
    say(answer(proper.status, { ...proper, type })),
  ]);

const types: readonly Kind[] = [
  ...OTHER_TYPES.map((type) => typed(type, 'nonsense')),
  ...JSON_TYPES.map((type) => typed(type, 'answer')),
  kind('content type: none', { ...ANSWER, token: 'nonsense', introspection: 'nonsense' }, ({ proper }) => [
    say(answer(proper.status, { body: proper.body })),
  ]),
  kind('content type: empty', { ...ANSWER, token: 'nonsense', introspection: 'nonsense' }, ({ proper }) => [
    say(answer(proper.status, { type: '', body: proper.body })),
  ]),
];

export const jsonKinds: readonly Kind[] = [...spoilt, ...whole, ...harmless, ...types];
