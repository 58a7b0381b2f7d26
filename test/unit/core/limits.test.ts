import { afterEach, beforeEach, expect, test, vi } from 'vitest';

// Afterwards, too: the files of this folder share their modules.
beforeEach(() => vi.resetModules());
afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

/** The limits as a sandbox with this setting has them. */
async function limitsFor(setting: string) {
  vi.stubEnv('REQUEST_TIMEOUT_SECONDS', setting);
  const { REQUEST_MS } = await import('../../../lib/core/limits.ts');
  const { CLOCK_SKEW_MS, LEASE_MS } = await import('../../../lib/broker/store/lease.ts');
  const { TOKEN_REQUEST_MS } = await import('../../../lib/broker/obtain/leased.ts');
  const { RENEWAL_MS } = await import('../../../lib/broker/obtain/renewal.ts');
  return { REQUEST_MS, LEASE_MS, TOKEN_REQUEST_MS, RENEWAL_MS, CLOCK_SKEW_MS };
}

test.each([
  ['3', 3_000, 5_000, 10_000],
  ['4.5', 4_500, 6_500, 13_000],
  ['5', 5_000, 7_000, 14_000],
  ['', 3_000, 5_000, 10_000],
  ['soon', 3_000, 5_000, 10_000],
  ['1', 3_000, 5_000, 10_000],
  ['60', 5_000, 7_000, 14_000],
])('with a request of %j s, the lease and the renewal are as long as they must be', async (setting, ...expected) => {
  const { REQUEST_MS, LEASE_MS, TOKEN_REQUEST_MS, RENEWAL_MS, CLOCK_SKEW_MS } = await limitsFor(setting);
  expect([REQUEST_MS, LEASE_MS, RENEWAL_MS]).toEqual(expected);
  expect(LEASE_MS).toBeGreaterThan(TOKEN_REQUEST_MS);
  // A lease that its holder never ends, and a request.
  expect(RENEWAL_MS).toBeGreaterThanOrEqual(LEASE_MS + CLOCK_SKEW_MS + REQUEST_MS);
});
