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

/** The encodings of a secret: plain, hexadecimal, and base64 at each of the three byte offsets. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64'));
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = bytes.toString('hex');
  return [secret, ...base64, ...url, hex, hex.toUpperCase()];
}

/** All substrings of `TELLING_LENGTH` characters. */
const pieces = (text: string): string[] =>
  Array.from({ length: Math.max(0, text.length - TELLING_LENGTH + 1) }, (_, at) => text.slice(at, at + TELLING_LENGTH));

/** Whether a text contains 8 consecutive characters of a secret, in any of its encodings. */
export function repeatsSecret(text: string, secrets: readonly string[]): boolean {
  if (text.length < TELLING_LENGTH) return false;
  const said = new Set(pieces(text));
  return secrets.flatMap(spellings).some((spelling) => pieces(spelling).some((piece) => said.has(piece)));
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
