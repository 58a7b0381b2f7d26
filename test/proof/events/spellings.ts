import type { Pairs } from './forms.ts';
import { disturb, namesOf } from './variants.ts';

/** The variants of a way to write a form down, given the usual way. */
type Spellings = (text: string, pairs: Pairs, variant: number) => readonly (string | Buffer)[];

const joined = (pairs: Pairs, write: (text: string) => string): string =>
  pairs.map(([name, value]) => `${write(name)}=${write(value)}`).join('&');

const everyByte = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

/** The usual way, and one of these pieces after it. */
const endings =
  (...pieces: readonly string[]): Spellings =>
  (text) =>
    pieces.map((piece) => text + piece);

/** Those that every server must read. */
const LEGIBLE = {
  usual: (text) => [text],
  'every byte escaped': (_, pairs) => [
    joined(pairs, everyByte),
    joined(pairs, (text) => everyByte(text).toUpperCase()),
  ],
  'as little escaped as may be': (_, pairs) => [joined(pairs, (text) => text.replace(/[%&+=]/g, encodeURIComponent))],
  'empty pieces': (text) => [`&${text}`, `${text}&`, `&&${text.replace('&', '&&&')}`],
  'name without equals sign': endings('&flag'),
} as const satisfies Readonly<Record<string, Spellings>>;

/** Ways to write a form down: all that say the same, and some that say nothing. */
export const SPELLINGS = {
  ...LEGIBLE,
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
} as const satisfies Readonly<Record<string, Spellings>>;

/** Those that every server must read. */
export const READABLE = namesOf(LEGIBLE);
