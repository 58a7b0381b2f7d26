import type { Pairs } from './forms.ts';
import { at, disturb } from './variants.ts';

type Spell = (pairs: Pairs, variant: number) => Buffer;

const joined = (pairs: Pairs, spell: (text: string) => string): Buffer =>
  Buffer.from(pairs.map(([name, value]) => `${spell(name)}=${spell(value)}`).join('&'));

const usual = (pairs: Pairs): Buffer =>
  Buffer.from(new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString());

const percent = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`;

/** Replaces something in the usual spelling. */
const withPiece = (pairs: Pairs, piece: string): Buffer => Buffer.from(`${usual(pairs)}${piece}`);

/** Ways to write a form down: all that say the same, and some that say nothing. */
export const SPELLINGS = {
  usual,
  'every byte escaped': (pairs, variant) =>
    joined(pairs, (text) => {
      const escaped = [...Buffer.from(text)].map(percent).join('');
      return variant % 2 === 0 ? escaped : escaped.toUpperCase();
    }),
  'as little escaped as may be': (pairs) => joined(pairs, (text) => text.replace(/[%&+=]/g, encodeURIComponent)),
  'empty pieces': (pairs, variant) =>
    Buffer.from(at([`&${usual(pairs)}`, `${usual(pairs)}&`, `&&${String(usual(pairs)).replace('&', '&&&')}`], variant)),
  'name without equals sign': (pairs) => withPiece(pairs, '&flag'),
  'broken escape': (pairs, variant) =>
    withPiece(pairs, at(['%', '&x=%', '&x=%4', '&x=%zz', '&%=1', '&x=%u0041', '&x=% 1', '&x=%+1', '&x=%1\n'], variant)),
  'escapes that are no UTF-8': (pairs, variant) =>
    withPiece(pairs, at(['&x=%ff', '&x=%c3', '&x=%ed%a0%80', '&x=%c0%af', '&x=%f8%88%80%80%80', '&%80=1'], variant)),
  'bytes that are no UTF-8': (pairs, variant) =>
    Buffer.concat([
      usual(pairs),
      Buffer.from(at(['&x=\xff', '\xc3', '&x=\xed\xa0\x80', '\x80', '&x=\xc3%bc'], variant), 'latin1'),
    ]),
  'null bytes': (pairs, variant) => withPiece(pairs, at(['&x=\0', '\0', '&\0=1', '%00'], variant)),
  semicolons: (pairs) => Buffer.from(usual(pairs).toString().replaceAll('&', ';')),
  'line break at the end': (pairs, variant) => withPiece(pairs, at(['\n', '\r\n', ' '], variant)),
  'byte order mark': (pairs, variant) =>
    Buffer.from(
      at(
        [
          `\ufeff${usual(pairs)}`,
          usual(pairs).toString().replace('=', '=\ufeff'),
          `${usual(pairs)}&\ufeffx=y`,
          `%EF%BB%BF${usual(pairs)}`,
        ],
        variant,
      ),
    ),
  'changed at random': (pairs, variant) => Buffer.from(disturb(usual(pairs).toString(), variant)),
  JSON: (pairs) => Buffer.from(JSON.stringify(Object.fromEntries(pairs))),
  multipart: (pairs) =>
    Buffer.from(
      pairs
        .map(([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
        .join(''),
    ),
  nothing: () => Buffer.alloc(0),
  compressed: (pairs) => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), usual(pairs)]),
} as const satisfies Readonly<Record<string, Spell>>;

export type SpellingName = keyof typeof SPELLINGS;

/** Those that every server must read. */
export const READABLE: readonly SpellingName[] = [
  'usual',
  'every byte escaped',
  'as little escaped as may be',
  'empty pieces',
  'name without equals sign',
];
