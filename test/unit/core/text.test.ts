import { expect, test } from 'vitest';
import { trimInvisible } from '../../../lib/core/text.ts';

test.each([
  ['nothing', '', ''],
  ['nothing but white space', ' \r\n\t', ''],
  ['a byte order mark, zero-width and tag characters', '\ufeff\u200b a b \u{e0001}\u200d\0', 'a b'],
  ['within', 'a \u200b b', 'a \u200b b'],
])('%s', (_what, text, trimmed) => expect(trimInvisible(text)).toBe(trimmed));

// In the square of its length, this would take a quarter of an hour.
test('a million spaces within take the time of one pass', () => {
  const text = `a${' '.repeat(1_000_000)}b`;
  expect(trimInvisible(` ${text} `)).toBe(text);
});
