/** Bytes of a text as tools on Windows write it: UTF-8, or UTF-16 in either byte order; with or without a byte order mark. */
export function decodeText(bytes: Uint8Array): string {
  const [first = 0, second = 0] = bytes;
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0);
  const isLittle = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0 && bytes.length > 1);
  const encoding = isBig ? 'utf-16be' : isLittle ? 'utf-16le' : 'utf-8';
  // Removes the byte order mark.
  return new TextDecoder(encoding).decode(bytes);
}

/** White space, control characters, and characters that are invisible: zero-width, joiners, byte order mark. */
const INVISIBLE = '[\\s\\p{Cc}\\p{Cf}]';
/** The end is looked for where a run begins, not at each of its characters: that would take the square of its length. */
const ENDS = new RegExp(`^${INVISIBLE}+|(?<!${INVISIBLE})${INVISIBLE}+$`, 'gu');

/** Removes invisible characters from both ends of a text. */
export const trimInvisible = (text: string): string => text.replace(ENDS, '');
