import { expect, test } from 'vitest';
import { digest, fingerprint } from '../../../lib/core/digest.ts';

test('the vector of FIPS 180, in base64url', () => {
  expect(digest('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  expect(fingerprint('abc')).toBe('ungWv48Bz-pB');
});
