import { expect, test } from 'vitest';
import { isLoopback } from '../../../lib/core/loopback.ts';

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.1.22.254', true],
  ['[::1]', true],
  ['notlocalhost', false],
  ['localhost.example', false],
  ['127.0.0.1.nip.io', false],
  ['127.0.0', false],
  ['10.0.0.1', false],
  ['[::2]', false],
])('%s is this machine: %j', (hostname, expected) => expect(isLoopback(hostname)).toBe(expected));
