import { expect, test } from 'vitest';
import { type Condition, holds } from '../../lib/broker/condition.ts';

type Field = 'a' | 'b';
type Of = Condition<Field>;

test.each<[condition: Of, record: Partial<Record<Field, string | number>>, isMet: boolean]>([
  [{ kind: 'absent', field: 'a' }, {}, true],
  [{ kind: 'absent', field: 'a' }, { a: 0 }, false],
  [{ kind: 'equals', field: 'a', value: 1 }, { a: 1 }, true],
  [{ kind: 'equals', field: 'a', value: 1 }, { a: 2 }, false],
  [{ kind: 'equals', field: 'a', value: 1 }, {}, false],
  [{ kind: 'differs', field: 'a', value: 1 }, { a: 2 }, true],
  [{ kind: 'differs', field: 'a', value: 1 }, { a: 1 }, false],
  // What is absent meets none but `absent`.
  [{ kind: 'differs', field: 'a', value: 1 }, {}, false],
  [{ kind: 'below', field: 'a', value: 2 }, { a: 1 }, true],
  [{ kind: 'below', field: 'a', value: 2 }, { a: 2 }, false],
  [{ kind: 'below', field: 'a', value: 2 }, {}, false],
  [{ kind: 'at_most', field: 'a', value: 2 }, { a: 2 }, true],
  [{ kind: 'at_most', field: 'a', value: 2 }, { a: 3 }, false],
  // A text is no number, whatever it looks like.
  [{ kind: 'below', field: 'a', value: 2 }, { a: '1' }, false],
  [{ kind: 'at_most', field: 'a', value: 2 }, { a: '1' }, false],
  [{ kind: 'all', of: [] }, {}, true],
  [{ kind: 'any', of: [] }, {}, false],
  [
    {
      kind: 'all',
      of: [
        { kind: 'absent', field: 'a' },
        { kind: 'absent', field: 'b' },
      ],
    },
    { b: 1 },
    false,
  ],
  [
    {
      kind: 'any',
      of: [
        { kind: 'absent', field: 'a' },
        { kind: 'absent', field: 'b' },
      ],
    },
    { b: 1 },
    true,
  ],
])('%o in %o: %s', (condition, record, isMet) => {
  expect(holds(condition, record)).toBe(isMet);
});
