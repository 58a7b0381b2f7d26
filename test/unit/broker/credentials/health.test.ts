import { expect, test } from 'vitest';
import { createHealth } from '../../../../lib/broker/credentials/health.ts';
import { instant } from '../../../../lib/core/time.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const NOW = instant(1_795_438_700_000);
const MINUTE_MS = 60_000;

test('what is away is told with its beginning, for as long as anybody can know', async () => {
  const clock = createFakeClock(NOW);
  const health = createHealth(clock);
  const told = () => health.degraded('issuer').map(({ what, detail, since }) => [what, detail, since - NOW]);
  expect(told()).toEqual([]);
  health.report('secrets', 'TimeoutError');
  health.report('zitadel', 'ECONNREFUSED', 'issuer');
  health.report('zitadel', 'ECONNREFUSED', 'another');
  health.report('table', 'ThrottlingException', 'writes');
  const secrets = ['secrets', 'TimeoutError', 0];
  const zitadel = ['zitadel', 'ECONNREFUSED', 0];
  expect(told()).toEqual([secrets, zitadel, ['table', 'ThrottlingException', 0]]);
  // Writes are few: an old one says nothing.
  await clock.advance(MINUTE_MS);
  expect(told()).toEqual([secrets, zitadel]);
  await clock.advance(4 * MINUTE_MS);
  health.report('secrets', 'TimeoutError');
  await clock.advance(MINUTE_MS);
  // A sandbox that serves from memory asks ZITADEL for hours no more; what fails again began when it first failed.
  expect(told()).toEqual([secrets]);
  health.report('secrets', undefined);
  expect(told()).toEqual([]);
});
