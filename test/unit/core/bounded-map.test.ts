import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BoundedMap, createBoundedMap } from '../../../lib/core/bounded-map.ts';

const KEYS = ['a', 'b', 'c', 'd'];

/** Which of the keys the map holds, without using any but those: looking is using, so each is looked up once. */
const held = <V>(map: BoundedMap<string, V>): string[] => KEYS.filter((key) => map.get(key) !== undefined);

test('holds as many entries as it may, and forgets the one that was used least recently', () => {
  const map = createBoundedMap<string, string>({ entries: 2 });
  expect(map.get('a')).toBeUndefined();
  map.set('a', 'A');
  map.set('b', 'B');
  expect([map.size(), map.get('b'), map.get('a')]).toEqual([2, 'B', 'A']);
  map.set('c', 'C');
  expect([map.size(), ...held(map)]).toEqual([2, 'a', 'c']);
});

test('a value in place of another is the latest, and takes no second place', () => {
  const map = createBoundedMap<string, string>({ entries: 2 });
  map.set('a', 'A');
  map.set('b', 'B');
  map.set('a', 'A2');
  map.set('c', 'C');
  expect([map.size(), map.get('a'), map.get('b'), map.get('c')]).toEqual([2, 'A2', undefined, 'C']);
});

test('holds as many bytes as it may', () => {
  const map = createBoundedMap<string, number>({ entries: 4, bytes: 10, sizeOf: (bytes) => bytes });
  map.set('a', 4);
  map.set('b', 4);
  map.set('c', 2);
  expect(held(map)).toEqual(['a', 'b', 'c']);
  map.set('d', 5);
  expect(held(map)).toEqual(['c', 'd']);
});

test('counts the bytes of what it holds, not of what it held', () => {
  const map = createBoundedMap<string, number>({ entries: 4, bytes: 10, sizeOf: (bytes) => bytes });
  for (const bytes of [6, 5, 4]) map.set('a', bytes);
  map.set('b', 6);
  expect(held(map)).toEqual(['a', 'b']);
  map.set('c', 10);
  expect(held(map)).toEqual(['c']);
});

test('a value that is larger than all is forgotten at once, with all before it', () => {
  const map = createBoundedMap<string, number>({ entries: 4, bytes: 10, sizeOf: (bytes) => bytes });
  map.set('a', 1);
  map.set('b', 11);
  expect(map.size()).toBe(0);
  map.set('c', 10);
  expect(held(map)).toEqual(['c']);
});

test('evicts what was used least recently, in any order of uses', () => {
  const use = fc.tuple(fc.constantFrom(...KEYS), fc.boolean());
  fc.assert(
    fc.property(fc.array(use, { maxLength: 40 }), (uses) => {
      const map = createBoundedMap<string, number>({ entries: 2 });
      let latest: string[] = [];
      for (const [key, isSet] of uses) {
        if (isSet) map.set(key, 1);
        else expect(map.get(key) !== undefined).toBe(latest.includes(key));
        if (isSet || latest.includes(key)) latest = [key, ...latest.filter((other) => other !== key)].slice(0, 2);
      }
      expect(held(map)).toEqual([...latest].sort());
    }),
  );
});
