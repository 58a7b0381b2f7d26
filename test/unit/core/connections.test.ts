import { expect, test } from 'vitest';
import { dropIdle } from '../../../lib/core/connections.ts';

test('every connection that waits for use is closed, of every host', () => {
  const closed: string[] = [];
  const socket = (name: string) => ({ destroy: () => closed.push(name) });
  dropIdle({ freeSockets: { a: [socket('a1'), socket('a2')], none: undefined, b: [socket('b1')] } });
  expect(closed).toEqual(['a1', 'a2', 'b1']);
});
