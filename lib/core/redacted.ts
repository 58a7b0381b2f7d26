import { inspect } from 'node:util';

/** Holds a secret so that it prints as `[redacted]` when it is logged, converted to a string, or serialised as JSON. */
export interface Redacted<T> {
  /** The only access to the secret, so every use can be grepped. */
  readonly reveal: () => T;
}

const SHOWN = '[redacted]';
const shown = () => SHOWN;

/** Wraps a secret from the moment it is read. */
export function redacted<T>(secret: T): Redacted<T> {
  const holder = { reveal: () => secret };
  for (const name of ['toString', 'toJSON', inspect.custom]) Object.defineProperty(holder, name, { value: shown });
  return holder;
}

/** Shorter pieces are too common to reveal anything. */
const TELLING_LENGTH = 8;
const LOGGED_TEXT_LENGTH = 160;

/** A hexadecimal digit is half a character: 8 of them, the digits of an id, are in many a long secret. */
const TELLING_DIGITS = 2 * TELLING_LENGTH;

/** A secret in one encoding, and how many consecutive characters of it reveal something. */
type Spelling = readonly [text: string, telling: number];

/** The encodings of a secret: plain, hexadecimal, and base64 at each of the three byte offsets. */
function spellings(secret: string): readonly Spelling[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64'));
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = bytes.toString('hex');
  return [
    ...[secret, ...base64, ...url].map((text) => [text, TELLING_LENGTH] as const),
    ...[hex, hex.toUpperCase()].map((text) => [text, TELLING_DIGITS] as const),
  ];
}

/** All substrings of a length. */
const pieces = (text: string, length: number): string[] =>
  Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length));

/** Whether a text contains 8 consecutive characters of a secret, in any of its encodings (in base64, 8 of the encoding). */
export function repeatsSecret(text: string, secrets: readonly string[]): boolean {
  if (text.length < TELLING_LENGTH) return false;
  const said = new Set([...pieces(text, TELLING_LENGTH), ...pieces(text, TELLING_DIGITS)]);
  return secrets
    .flatMap(spellings)
    .some(([spelling, telling]) => pieces(spelling, telling).some((one) => said.has(one)));
}

/**
 * Sanitises untrusted text for the log: printable ASCII, at most 160 characters. Long words with digits (they look like
 * keys or tokens) are cut. A text that repeats 8 characters of a secret that was sent is withheld altogether.
 */
export function loggable(text: string, secrets: readonly string[] = []): string {
  const plain = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, LOGGED_TEXT_LENGTH);
  if (repeatsSecret(plain, secrets)) return '[withheld: repeats a secret]';
  return plain.replace(/[\w+/=%~-]{20,}/g, (word) => (/\d/.test(word) ? '[cut]' : word));
}
