import { describe, expect, test } from 'vitest';
import { KEYS } from './package.ts';
import type { Meeting, ProxyFault } from './proxy.ts';
import { expectToken, expectUnavailable, obtain, PATIENCE_MS, useScenarios } from './scenarios.ts';
import { DEPENDENCIES, type Dependency } from './world.ts';

const scenarios = useScenarios();

/** The outcome of a request that meets a fault, if no token is known. */
interface Outcome {
  readonly status: 200 | 503;
  /** How many tokens ZITADEL issues, including those that never arrive. */
  readonly exchanges: number;
  readonly leases: number;
  /** The least that the caller waits; a busy machine adds to it, but less than a missed limit does. */
  readonly waitMs?: number;
}

/** How a request meets its fault: by default, every request over new connections does. */
interface Encounter extends Meeting {
  /** Whether the request comes over the connection of the one before. */
  readonly isKept?: boolean;
}

const MOST_BEYOND_MS = 6_000;

const refuse: ProxyFault = { kind: 'refuse' };
const halfClose: ProxyFault = { kind: 'half_close' };
const reset = (afterBytes: number): ProxyFault => ({ kind: 'reset', afterBytes });
const end = (afterBytes: number): ProxyFault => ({ kind: 'end', afterBytes });
const stall = (afterBytes: number): ProxyFault => ({ kind: 'silence', afterBytes });
const delay = (ms: number): ProxyFault => ({ kind: 'delay', ms });

/** So many bytes are part of an answer's head. */
const HEAD = 60;
/** So many are all of its head, and part of its body. */
const BODY = 400;

const obtained: Outcome = { status: 200, exchanges: 1, leases: 1 };
/** Without the table. */
const obtainedAlone: Outcome = { status: 200, exchanges: 1, leases: 0 };
/** Issued by ZITADEL, and lost on the way. */
const wasted: Outcome = { status: 503, exchanges: 1, leases: 1 };
/** The lease was acquired meanwhile, and given back. */
const notAsked: Outcome = { status: 503, exchanges: 0, leases: 1 };

type Case = readonly [name: string, fault: ProxyFault, outcome: Outcome, encounter?: Encounter];

const cases: Readonly<Record<Dependency, readonly Case[]>> = {
  zitadel: [
    // It may have been closed before it took anything, so the request is made again, once.
    ['resets a kept connection', reset(0), { ...wasted, exchanges: 2 }, { isKept: true }],
    ['refuses connections', refuse, { ...wasted, exchanges: 0 }],
    ['resets instead of an answer', reset(0), wasted],
    ['resets in the head', reset(HEAD), wasted],
    ['resets in the body', reset(BODY), wasted],
    ['ends in the head', end(HEAD), wasted],
    ['ends in the body', end(BODY), wasted],
    ['closes its half', halfClose, wasted],
    ['is 200 ms late', delay(200), { ...obtained, waitMs: 200 }],
    ['is 2 s late', delay(2_000), { ...obtained, waitMs: 2_000 }],
    ['stalls', stall(0), { ...wasted, waitMs: 2_900 }],
    ['stalls in the body', stall(BODY), { ...wasted, waitMs: 2_900 }],
  ],
  secretsManager: [
    ['refuses connections', refuse, notAsked],
    ['resets one connection', reset(0), obtained, { times: 1 }],
    ['resets in the head', reset(HEAD), notAsked],
    ['ends in the body', end(BODY), notAsked],
    ['closes its half', halfClose, notAsked],
    ['is 200 ms late', delay(200), { ...obtained, waitMs: 200 }],
    ['is 3 s late', delay(3_000), { ...notAsked, waitMs: 1_900 }],
    ['stalls', stall(0), { ...notAsked, waitMs: 1_900 }],
  ],
  table: [
    ['resets a kept connection', reset(0), obtained, { times: 1, isKept: true }],
    ['refuses connections', refuse, obtainedAlone],
    ['resets in the head', reset(HEAD), obtainedAlone],
    ['ends in the head', end(HEAD), obtainedAlone],
    ['closes its half', halfClose, obtainedAlone],
    ['is 20 ms late', delay(20), { ...obtained, waitMs: 40 }],
    ['is 2 s late', delay(2_000), { ...obtainedAlone, waitMs: 290 }],
    ['stalls', stall(0), { ...obtainedAlone, waitMs: 290 }],
    ['gives the lease, and its reply is lost', reset(0), obtained, { only: /UpdateItem/, times: 1 }],
    ['loses all replies to writes', reset(0), obtained, { only: /UpdateItem/ }],
    ['stores the token, and its reply is lost', reset(0), obtained, { only: /REMOVE #owner/, times: 1 }],
  ],
};

describe.concurrent('the network fails', { timeout: PATIENCE_MS }, () => {
  test.for(DEPENDENCIES)('before %s', async (dependency, context) => {
    const [world, sandbox] = await scenarios.enter(context, { clockJumps: true });
    const line = world.network[dependency];
    const encounters = () => line.met() + line.made();
    const known = await obtain(sandbox);

    for (const [at, [name, fault, outcome, { isKept = false, ...meeting } = {}]] of cases[dependency].entries()) {
      // What was learnt of an outage is forgotten: the next fault is met anew.
      if (dependency === 'zitadel') world.jump(45_000);
      if (!isKept) line.drop('end');
      const before = await world.counts();
      const metBefore = encounters();
      line.fault(fault, meeting);
      const answer = await sandbox.ask(KEYS[at] ?? '');
      const { tableGivenUp, ...counts } = await world.counts(before);
      const hit = await sandbox.ask('orders');
      line.fault(undefined);

      const { status, waitMs = 0, ...promised } = outcome;
      expect(answer, name).toMatchObject({ kind: 'response', status });
      expect(answer.tookMs, name).toBeGreaterThanOrEqual(waitMs);
      expect(answer.tookMs, name).toBeLessThan(waitMs + MOST_BEYOND_MS);
      expect(encounters() - metBefore, `${name}: the fault was met`).toBeGreaterThan(0);
      if (status === 200) expectToken(answer);
      else expectUnavailable(answer);
      // On a busy machine, the table may seem down although it is not meant to be.
      const isBusy = dependency !== 'table' && tableGivenUp > 0;
      if (!isBusy) expect({ name, ...counts }).toEqual({ name, ...promised });
      expect(expectToken(hit), `${name}: a known token is handed out`).toBe(known);
    }

    // Whoever was told to wait has waited.
    world.jump(30_000);
    for (const [at, [name]] of cases[dependency].entries()) {
      const healed = await sandbox.ask(KEYS[at] ?? '');
      expect(healed, `after it ${name}`).toMatchObject({ kind: 'response', status: 200 });
    }
  });
});

test('nothing secret has come out', () => scenarios.expectNoLeaks());
