import { describe, expect, test } from 'vitest';
import type { SecretStore } from '../../../../lib/broker/credentials/credentials.ts';
import { PARALLEL_RENEWALS } from '../../../../lib/broker/obtain/prewarm.ts';
import type { Table } from '../../../../lib/broker/store/table.ts';
import { createTokenFunctions } from '../../../../lib/compose/tokens.ts';
import { sleep } from '../../../../lib/core/clock.ts';
import type { Send } from '../../../../lib/oauth/transport.ts';
import { context } from '../../../support/events.ts';
import { audience, createFleet, ISSUER, P, SECRETS } from '../../../support/fleet.ts';

/** What a deployment allows a run (`timeout` of the function). */
const RUN_MS = 60_000;
const EVERY_MS = 300_000;
const TABLE_MS = 5;
const SECRET_MS = 20;
/** Longer than a request may take (REQUEST_MS). */
const HANGS = 3_001;
/** CloudWatch takes no larger event. */
const LARGEST_LINE = 256 * 1024;

interface Options {
  /** How many profiles each issuer has. */
  readonly profiles: readonly number[];
  /** How long ZITADEL takes for a token, by the number of its issuer. */
  readonly zitadelMs: (issuer: number) => number;
}

/** What a line lists. */
interface Listed extends Record<'renewed' | 'kept' | 'failed', unknown[]> {
  readonly postponed?: unknown[];
}

const issuerOf = (issuer: number): string => (issuer === 0 ? ISSUER : `https://zitadel-${issuer}.example`);

/** The prewarming function over services that take their time, on a clock that no test waits for. */
function createRuns({ profiles: counts, zitadelMs }: Options) {
  const profiles = counts.flatMap((count, issuer) =>
    Array.from({ length: count }, (_, index) => [`p${issuer}-${index}`, issuerOf(issuer)] as const),
  );
  const changes = Object.fromEntries(
    profiles.map(([name, issuer]) => [name, { issuer, secret: name, scopes: [audience(P)], prewarm: true }]),
  );
  const fleet = createFleet({ changes });
  for (const [name] of profiles) fleet.secrets.put(name, SECRETS.orders);
  const { clock } = fleet;
  const table: Table = {
    ...fleet.table,
    read: async (key) => {
      await sleep(clock, TABLE_MS);
      return fleet.table.read(key);
    },
    update: async (key, update) => {
      await sleep(clock, TABLE_MS);
      return fleet.table.update(key, update);
    },
  };
  const secrets: SecretStore = {
    read: async (name) => {
      await sleep(clock, SECRET_MS);
      return fleet.secrets.read(name);
    },
  };
  const send: Send = async (request) => {
    const issuer = counts.findIndex((_, index) => request.url.startsWith(`${issuerOf(index)}/`));
    const takesMs = zitadelMs(issuer);
    await sleep(clock, takesMs);
    return takesMs === HANGS ? { ok: false, error: { kind: 'timeout', detail: 'no answer' } } : fleet.send(request);
  };
  const lines: string[] = [];
  let seed = 0;
  const random = () => {
    seed = (seed * 16_807 + 11) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const env = { METRICS_NAMESPACE: 'test' };
  const { prewarm } = createTokenFunctions(fleet.profiles, env, {
    clock,
    random,
    send,
    secrets,
    table,
    write: (line) => void lines.push(line),
  });
  return {
    clock,
    /** One run, what it logs, how long it took, and what it threw. */
    async run() {
      const [failure, tookMs] = await fleet.time(
        prewarm({}, context(RUN_MS)).then(
          () => undefined,
          (thrown: Error) => thrown.message,
        ),
      );
      const line = String(lines.at(-1));
      return { line, tookMs, failure, ...(JSON.parse(line) as Listed) };
    },
  };
}

const count = ({
  renewed,
  kept,
  postponed = [],
  failed,
}: Awaited<ReturnType<ReturnType<typeof createRuns>['run']>>) => [
  renewed.length,
  kept.length,
  postponed.length,
  failed.length,
];

const HOUR_MS = 3_600_000;

describe('a thousand profiles', () => {
  test.each<[name: string, profiles: readonly number[], mostMs: number]>([
    ['of one issuer', [1_000], 37_000],
    ['of two issuers', [500, 500], 37_000],
    ['of a large and a small issuer', [900, 100], 41_000],
    ['of ten issuers', Array.from({ length: 10 }, () => 100), 37_000],
  ])('%s without a token, at 150 ms: one run obtains all, the next keeps them', async (_name, profiles, mostMs) => {
    const { run } = createRuns({ profiles, zitadelMs: () => 150 });
    const first = await run();
    expect([count(first), first.failure]).toEqual([[1_000, 0, 0, 0], undefined]);
    expect(first.tookMs).toBeLessThan(mostMs);
    const next = await run();
    expect(count(next)).toEqual([0, 1_000, 0, 0]);
    expect(next.tookMs).toBeLessThan(2_000);
  });

  test.each<[name: string, profiles: readonly number[], hanging: readonly number[]]>([
    ['one of two ZITADELs hangs', [500, 500], [1]],
    ['two of three hang', [300, 300, 400], [0, 1]],
  ])('%s: the others are served in time', async (_name, profiles, hanging) => {
    const { run } = createRuns({ profiles, zitadelMs: (issuer) => (hanging.includes(issuer) ? HANGS : 150) });
    const first = await run();
    const lost = hanging.reduce((sum, issuer) => sum + (profiles[issuer] ?? 0), 0);
    expect(count(first)).toEqual([1_000 - lost, 0, 0, lost]);
    expect(first.failure).toMatch(/^prewarm failed for (?:p\d-\d+, ){19}p\d-\d+ and \d+ more$/);
    expect(first.line.length).toBeLessThan(LARGEST_LINE);
  });

  test('due at once at a slow ZITADEL: a run takes what it can, the next the rest, and no alarm sees it', async () => {
    let takesMs = 10;
    const { run, clock } = createRuns({ profiles: [1_000], zitadelMs: () => takesMs });
    await run();
    await clock.advance(9 * HOUR_MS);
    takesMs = 300;
    const first = await run();
    const [renewed = 0, kept, postponed = 0, failed] = count(first);
    expect([kept, failed, renewed + postponed, first.failure]).toEqual([0, 0, 1_000, undefined]);
    expect(renewed).toBeGreaterThan(800);
    expect(JSON.parse(first.line)).toMatchObject({ level: 'warn', Renewed: renewed, PrewarmFailed: 0 });
    await clock.advance(EVERY_MS - first.tookMs);
    // Renewals that the deadline cut off may have ended meanwhile.
    const next = await run();
    expect([next.renewed.length + next.kept.length, next.failure]).toEqual([1_000, undefined]);
    expect(next.renewed.length).toBeGreaterThanOrEqual(postponed - PARALLEL_RENEWALS);
  });

  test('that were obtained together fall due over several runs', async () => {
    const { run, clock } = createRuns({ profiles: [1_000], zitadelMs: () => 10 });
    await run();
    await clock.advance(8.3 * HOUR_MS);
    const renewed: number[] = [];
    for (let runs = 0; runs < 9; runs += 1) {
      const { tookMs, renewed: names } = await run();
      renewed.push(names.length);
      await clock.advance(EVERY_MS - tookMs);
    }
    expect(renewed.reduce((sum, one) => sum + one)).toBe(1_000);
    expect(Math.max(...renewed)).toBeLessThan(250);
  });
});
