import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeForm, encodeFormValue, parseForm } from '../../../lib/oauth/form.ts';

const NAMES = ['a', 'b', '__proto__', 'audience'];

const entries = (body: string) => {
  const form = parseForm(body);
  if (!form.ok) return form.error;
  const { get, has } = form.value;
  return Object.fromEntries(NAMES.filter(has).map((name) => [name, get(name)]));
};

describe('parseForm', () => {
  test.each([
    ['a=1&b=2', { a: '1', b: '2' }],
    ['', {}],
    ['a=x+y%20z', { a: 'x y z' }],
    ['a=%C3%BC', { a: 'ü' }],
    ['a=1=2', { a: '1=2' }],
    ['a=&b', {}],
    ['&&a=1&', { a: '1' }],
    ['__proto__=1', { ['__proto__']: '1' }],
  ])('%s', (body, expected) => expect(entries(body)).toStrictEqual(expected));

  test.each([
    ['a=1&a=2', 'a parameter is sent more than once'],
    ['a=1&%61=1', 'a parameter is sent more than once'],
    ['a=&a=', 'a parameter is sent more than once'],
    ['a=%', 'the body is not form-url-encoded UTF-8'],
    ['a=%zz', 'the body is not form-url-encoded UTF-8'],
    ['a=%FF', 'the body is not form-url-encoded UTF-8'],
    ['%ff=a', 'the body is not form-url-encoded UTF-8'],
    ['scope=x&audience=1&scope=x', 'a parameter is sent more than once'],
  ])('%s is refused', (body, problem) => expect(entries(body)).toBe(problem));

  test.each(['audience', 'resource'])('%s may be repeated (RFC 8693 §2.1)', (name) => {
    const form = parseForm(`${name}=1&${name}=&${name}=2&scope=x&${name}=1`);
    expect(form.ok && [form.value.all(name), form.value.get(name)]).toEqual([['1', '2', '1'], '1']);
  });

  test('reads what encodeForm and URLSearchParams write', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(fc.dictionary(value, value), (parameters) => {
        for (const body of [encodeForm(parameters), new URLSearchParams(parameters).toString()]) {
          const form = parseForm(body);
          const read = Object.keys(parameters).map((name) => [name, form.ok ? form.value.get(name) : undefined]);
          expect(Object.fromEntries(read)).toEqual(parameters);
        }
      }),
    );
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (body) => typeof parseForm(body).ok === 'boolean'));
  });
});

test('a parameter that is absent is left out', () => expect(encodeForm({ a: '1', b: undefined })).toBe('a=1'));

test('a value on its own', () =>
  expect(encodeFormValue("a b&ü+%!*-._~'()")).toBe('a+b%26%C3%BC%2B%25%21*-._%7E%27%28%29'));
