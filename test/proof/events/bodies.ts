import type { Pairs } from './forms.ts';
import { disturb, type Kinds } from './variants.ts';

/** Ways to write a form down, given the usual way. */
type Spellings = Kinds<string | Buffer, [text: string, pairs: Pairs]>;

const joined = (pairs: Pairs, write: (text: string) => string): string =>
  pairs.map(([name, value]) => `${write(name)}=${write(value)}`).join('&');

const everyByte = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** The usual way, and one of these pieces after it. */
const endings =
  (...pieces: readonly string[]) =>
  (text: string) =>
    pieces.map((piece) => text + piece);

/** Those that every server must read. */
export const READABLE = {
  usual: (text) => [text],
  'every byte escaped': (_, pairs) => [
    joined(pairs, everyByte),
    joined(pairs, (text) => everyByte(text).toUpperCase()),
  ],
  'as little escaped as may be': (_, pairs) => [joined(pairs, (text) => text.replace(/[%&+=]/g, encodeURIComponent))],
  'empty pieces': (text) => [`&${text}`, `${text}&`, `&&${text.replace('&', '&&&')}`],
  'name without equals sign': endings('&flag'),
} satisfies Spellings;

/** Ways to write a form down: all that say the same, and some that say nothing. */
export const SPELLINGS = {
  ...READABLE,
  'broken escape': endings('%', '&x=%', '&x=%4', '&x=%zz', '&%=1', '&x=%u0041', '&x=% 1', '&x=%+1', '&x=%1\n'),
  'escapes that are no UTF-8': endings('&x=%ff', '&x=%c3', '&x=%ed%a0%80', '&x=%c0%af', '&x=%f8%88%80%80%80', '&%80=1'),
  'bytes that are no UTF-8': (text) =>
    ['&x=\xff', '\xc3', '&x=\xed\xa0\x80', '\x80', '&x=\xc3%bc'].map((piece) =>
      Buffer.concat([Buffer.from(text), Buffer.from(piece, 'latin1')]),
    ),
  'null bytes': endings('&x=\0', '\0', '&\0=1', '%00'),
  semicolons: (text) => [text.replaceAll('&', ';')],
  'line break at the end': endings('\n', '\r\n', ' '),
  'byte order mark': (text) => [`\ufeff${text}`, text.replace('=', '=\ufeff'), `${text}&\ufeffx=y`, `%EF%BB%BF${text}`],
  'changed at random': (text, _, variant) => [disturb(text, variant)],
  JSON: (_, pairs) => [JSON.stringify(Object.fromEntries(pairs))],
  multipart: (_, pairs) => [
    pairs.map(([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join(''),
  ],
  nothing: () => [''],
  compressed: (text) => [Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.from(text)])],
} satisfies Spellings;

/** The members of an event that hold the body. */
export interface Envelope {
  readonly body: unknown;
  readonly isBase64Encoded?: unknown;
}

const encoded = (body: string): Envelope => ({ body, isBase64Encoded: true });
const plain = (body: string): Envelope => ({ body, isBase64Encoded: false });

/** How a body is put into an event, given as text and in base64: honestly, or not. */
export const ENVELOPES = {
  base64: (_, base64) => [encoded(base64)],
  plain: (text) => [plain(text)],
  'flag left out': (text) => [{ body: text }],
  'said to be plain, but base64': (_, base64) => [plain(base64)],
  'said to be base64, but plain': (text) => [encoded(text)],
  'flag of another type': (text, base64) =>
    ['true', 1, {}, [], 'false', null].map((flag, index) => ({
      body: index % 2 === 0 ? text : base64,
      isBase64Encoded: flag,
    })),
  'base64 of another kind': (_, base64) =>
    [Buffer.from(base64, 'base64').toString('base64url'), ` ${base64}\n`, base64.replace(/=+$/, '')].map(encoded),
  'base64 changed at random': (_, base64, variant) => [encoded(disturb(base64, variant))],
  'base64 twice': (_, base64) => [encoded(btoa(base64))],
  'body not a text': (text) =>
    [null, 7, [text], { grant_type: 'client_credentials' }, true, {}].map((body, index) => ({
      body,
      isBase64Encoded: index % 2 === 0,
    })),
  'lone surrogate in the body': (text) => ['\ud800', '&x=\udfff', '&\ud800=1'].map((end) => plain(text + end)),
} satisfies Kinds<Envelope, [text: string, base64: string]>;

type Headers = Readonly<Record<string, unknown>>;

export const FORM_TYPE = 'application/x-www-form-urlencoded';

const typed = (...types: readonly unknown[]): readonly Headers[] => types.map((type) => ({ 'content-type': type }));
const named = (...names: readonly string[]): readonly Headers[] => names.map((name) => ({ [name]: FORM_TYPE }));

/** The headers that say that the body is a form. */
export const FORM_TYPES = {
  usual: typed(FORM_TYPE),
  'name in other letters': named('Content-Type', 'CONTENT-TYPE', 'cOnTeNt-TyPe'),
  'with parameters': typed(
    ...[`${FORM_TYPE}; charset=utf-8`, `${FORM_TYPE};charset=UTF-8`, ` ${FORM_TYPE} ; x="y;z"`],
    ...[FORM_TYPE.toUpperCase(), `${FORM_TYPE};`],
  ),
} satisfies Kinds<Headers>;

/** The headers of an event that say what the body is. */
export const CONTENT_TYPES = {
  ...FORM_TYPES,
  another: typed(
    ...['application/json', 'text/plain', 'multipart/form-data; boundary=b', '', 'application/x-www-form-urlencoded2'],
    ...[`x/${FORM_TYPE}`, `${FORM_TYPE},${FORM_TYPE}`, 'application/x-www-form-urlencodeḍ', `${FORM_TYPE}\0`],
  ),
  none: [{ accept: '*/*' }],
  'changed at random': (variant) =>
    variant % 2 === 0 ? typed(disturb(FORM_TYPE, variant)) : named(disturb('content-type', variant)),
  'two in different letters': [
    { 'Content-Type': FORM_TYPE, 'content-type': 'text/plain' },
    { 'CONTENT-TYPE': 'text/plain', 'content-type': FORM_TYPE },
  ],
  'name nearly so called': named(
    ...['content_type', 'content-type ', ' content-type', 'x-content-type', 'content-typе', 'content-type\0'],
    '__proto__',
  ),
  'not a text': typed([FORM_TYPE], null, 7, { 0: FORM_TYPE }, true),
} satisfies Kinds<Headers>;
