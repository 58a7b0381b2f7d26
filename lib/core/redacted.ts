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

/**
 * Makes a text from outside fit for the log: printable ASCII, at most 160 characters, long words with digits (what
 * keys and tokens look like) cut, and withheld altogether when it repeats 8 characters of a secret that was sent there.
 */
export function loggable(text: string, secrets: readonly string[] = []): string {
  const plain = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, LOGGED_TEXT_LENGTH);
  for (let at = 0; at + TELLING_LENGTH <= plain.length; at += 1) {
    const piece = plain.slice(at, at + TELLING_LENGTH);
    if (secrets.some((secret) => secret.includes(piece))) return '[withheld: repeats a secret]';
  }
  return plain.replace(/[\w+/=%~-]{20,}/g, (word) => (/\d/.test(word) ? '[cut]' : word));
}
