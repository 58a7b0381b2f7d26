import { inspect } from 'node:util';

/** Holds a secret so that it prints as `[redacted]` wherever it is logged, joined into a text, or made JSON. */
export interface Redacted<T> {
  /** The one way to the secret: every use of it can be found by this name. */
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

/** Shorter pieces than this are too common to betray anything. */
const TELLING_LENGTH = 8;
const LOGGED_TEXT_LENGTH = 160;

/** A secret as it may be written: as it is, in hexadecimal, and in base64 from each place where it may begin. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64'));
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = bytes.toString('hex');
  return [secret, ...base64, ...url, hex, hex.toUpperCase()];
}

/** All pieces of a text of the length that tells. */
const pieces = (text: string): string[] =>
  Array.from({ length: Math.max(0, text.length - TELLING_LENGTH + 1) }, (_, at) => text.slice(at, at + TELLING_LENGTH));

/** Whether a text holds 8 characters in a row of a secret, in any spelling. */
export function repeatsSecret(text: string, secrets: readonly string[]): boolean {
  if (text.length < TELLING_LENGTH) return false;
  const said = new Set(pieces(text));
  return secrets.flatMap(spellings).some((spelling) => pieces(spelling).some((piece) => said.has(piece)));
}

/**
 * Makes a text from outside fit for the log: printable ASCII, at most 160 characters, long words with digits (what
 * keys and tokens look like) cut, and withheld altogether when it repeats 8 characters of a secret that was sent there.
 */
export function loggable(text: string, secrets: readonly string[] = []): string {
  const plain = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, LOGGED_TEXT_LENGTH);
  if (repeatsSecret(plain, secrets)) return '[withheld: repeats a secret]';
  return plain.replace(/[\w+/=%~-]{20,}/g, (word) => (/\d/.test(word) ? '[cut]' : word));
}
