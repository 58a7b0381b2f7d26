import { describe, expect, test } from 'vitest';
import { describeBug } from '../../../lib/http/bug.ts';

/** An error with the stack that V8 would give it. */
const thrown = (frames: readonly string[], { message = 'canary', name = 'TypeError' } = {}): Error => {
  const error = new Error(message);
  error.name = name;
  error.stack = `${name}: ${message}\n${frames.map((frame) => `    at ${frame}`).join('\n')}`;
  return error;
};
const OURS = 'serve (/var/task/lib/http/endpoint.ts:1:2)';

describe('where a bug is', () => {
  test.each<[frame: string, at: string | undefined]>([
    [OURS, 'serve lib/http/endpoint.ts:1:2'],
    ['async serve (/x/lib/a.ts:10:20)', 'serve lib/a.ts:10:20'],
    ['Object.serve<anonymous> (/x/lib/a.ts:1:2)', 'Object.serve<anonymous> lib/a.ts:1:2'],
    ['/x/functions/token.ts:1:2', 'functions/token.ts:1:2'],
    ['file:///x/infra/local/main.ts:1:2', 'infra/local/main.ts:1:2'],
    ['/var/task/index.cjs:1:23456', 'index.cjs:1:23456'],
    ['node:internal/process:1:2', undefined],
    ['serve (/x/lib/a.js:1:2)', undefined],
    ['serve (/x/other/a.ts:1:2)', undefined],
    ['serve (/x/node_modules/y/lib/a.ts:1:2)', undefined],
    ['serve (/x/lib/a.ts:1)', undefined],
    ['serve (/x/lib/a.ts:1:2) more', undefined],
    ['serve (/x y/lib/a.ts:1:2)', undefined],
  ])('%s: %s', (frame, at) => {
    const expected = at === undefined ? { name: 'TypeError' } : { name: 'TypeError', at };
    expect(describeBug(thrown([frame]))).toEqual(expected);
  });

  test('is the first frame of our own', () => {
    const frames = ['node:fs:1:2', 'f (/x/node_modules/lib/a.ts:1:2)', OURS, 'g (/x/lib/other.ts:3:4)'];
    expect(describeBug(thrown(frames)).at).toBe('serve lib/http/endpoint.ts:1:2');
  });

  test('is not in a message that looks like a stack', () => {
    const message = 'x\n    at evil (/x/lib/secret.ts:1:2)';
    expect(describeBug(thrown([OURS], { message }))).toEqual({
      name: 'TypeError',
      at: 'serve lib/http/endpoint.ts:1:2',
    });
    expect(describeBug(thrown([], { message }))).toEqual({ name: 'TypeError' });
  });

  test('is not known where the message is not in the stack, and is where there is none', () => {
    const error = thrown([OURS]);
    error.message = 'another';
    expect(describeBug(error)).toEqual({ name: 'TypeError' });
    expect(describeBug(thrown([OURS], { message: '' })).at).toBe('serve lib/http/endpoint.ts:1:2');
  });

  test('is not known without a stack', () => {
    const error = thrown([]);
    Object.assign(error, { stack: undefined, message: '' });
    expect(describeBug(error)).toEqual({ name: 'TypeError' });
  });
});

describe('what was thrown', () => {
  test.each<[thrown: unknown, name: string]>([
    ['canary', 'string'],
    [undefined, 'undefined'],
    [{ name: 'canary' }, 'object'],
    [thrown([], { name: 'A_1' }), 'A_1'],
    [thrown([], { name: 'a name' }), 'Error'],
    [thrown([], { name: '' }), 'Error'],
    [thrown([], { name: 'a'.repeat(64) }), 'a'.repeat(64)],
    [thrown([], { name: 'a'.repeat(65) }), 'Error'],
  ])('%j', (one, name) => expect(describeBug(one)).toEqual({ name }));
});
