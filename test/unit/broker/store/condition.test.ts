import { expect, test } from 'vitest';
import { type Condition, holds } from '../../../../lib/broker/store/condition.ts';

type Of = Condition<'a'>;

test.each<[condition: Of, record: { a?: string | number }, isMet: boolean]>([
  [{ kind: 'absent', field: 'a' }, {}, true],
  [{ kind: 'absent', field: 'a' }, { a: 0 }, false],
  [{ kind: 'absent', field: 'a' }, { a: '' }, false],
  [{ kind: 'equals', field: 'a', value: 1 }, { a: 1 }, true],
  [{ kind: 'equals', field: 'a', value: 1 }, { a: 2 }, false],
  // What is absent meets none but `absent`.
  [{ kind: 'equals', field: 'a', value: 1 }, {}, false],
  // A text is no number, whatever it looks like.
  [{ kind: 'equals', field: 'a', value: 1 }, { a: '1' }, false],
  [{ kind: 'always' }, {}, true],
  [{ kind: 'always' }, { a: 1 }, true],
])('%o in %o: %s', (condition, record, isMet) => {
  expect(holds(condition, record)).toBe(isMet);
});
