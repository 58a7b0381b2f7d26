import { expect, test } from 'vitest';
import { fail, ok } from '../../../lib/core/result.ts';

test('a value, and a failure', () => {
  expect(ok(7)).toEqual({ ok: true, value: 7 });
  expect(fail('why')).toEqual({ ok: false, error: 'why' });
});
