import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionProcess } from './function.ts';
import { judge } from './judge.ts';
import type { Package } from './package.ts';
import { type Blow, createPlan, PROFILES, type Round, type Turn } from './plan.ts';
import { type Counts, createWorld, DEPENDENCIES, findLeaks } from './world.ts';

/** How to run. */
export interface LifeOptions {
  /** How long storms last, in real time; the last calm follows. */
  readonly seconds: number;
  readonly sandboxes: number;
  readonly seed: number;
  /** Is called after each round. */
  readonly onRound?: (tally: Tally) => void;
}

/** The figures of a run. */
export interface Tally extends Counts {
  rounds: number;
  requests: number;
  /** Answers by status; `lost` with their process. */
  readonly answers: Record<string, number>;
  faults: number;
  freezes: number;
  kills: number;
  /** Milliseconds by the clock of the processes. */
  livedMs: number;
  /** What must not happen: none after a good run. */
  readonly violations: string[];
}

/** Short enough to be renewed all the time, long enough to be kept. */
const TOKEN_LIFE_SECONDS = 60;

/** Storms between two calms. */
const STORMS = 4;

/** Longer than any freeze and everything that may be waited for: who has not answered by then hangs. */
const TIMEOUT_MS = 30_000;

/** What is sent over loopback arrives within this time. */
const NETWORK_MS = 10;

/** Runs a fleet of processes through storms and calms, and judges everything that it says. */
export async function live(
  broker: Package,
  { seconds, sandboxes, seed, onRound = () => undefined }: LifeOptions,
): Promise<Tally> {
  const world = await createWorld(broker, { tokenLifetimeSeconds: TOKEN_LIFE_SECONDS, clockJumps: true });
  const startedAt = world.now();
  const plan = createPlan(seed, sandboxes);
  /** A process that was killed is replaced by another one in its place. */
  const fleet: FunctionProcess[] = [];
  const nothing = { rounds: 0, requests: 0, faults: 0, freezes: 0, kills: 0, livedMs: 0 };
  const tally: Tally = { ...nothing, ...(await world.counts()), answers: {}, violations: [] };
  const blame = (fault: string) => tally.violations.push(`round ${tally.rounds}${fault}`);

  /** Makes the requests of a turn, one after the other, and deals the blow meanwhile. */
  async function takeTurn(at: number, process: FunctionProcess, { profiles, blow }: Turn, isCalm: boolean) {
    let isKilled = false;
    let frozenMs = 0;
    let struck: Promise<void> | undefined;

    async function strike({ kind, forMs }: Blow): Promise<void> {
      if (kind === 'kill') {
        tally.kills += 1;
        isKilled = true;
        return process.kill();
      }
      tally.freezes += 1;
      frozenMs = forMs;
      process.freeze();
      await sleep(forMs);
      process.thaw();
    }

    const timer = setTimeout(() => {
      if (blow !== undefined) struck = strike(blow);
    }, blow?.afterMs);
    for (const profile of profiles) {
      const answer = await process.ask(profile, { timeoutMs: TIMEOUT_MS });
      const name = answer.kind === 'response' ? String(answer.status) : answer.kind;
      tally.requests += 1;
      tally.answers[name] = (tally.answers[name] ?? 0) + 1;
      for (const fault of judge(answer, { isKilled, isCalm, frozenMs }))
        blame(`, ${profile}: ${fault} ${JSON.stringify(answer.line)}`);
      if (answer.kind !== 'response') break;
    }
    clearTimeout(timer);
    await struck;
    if (isKilled) fleet[at] = await world.start('token');
  }

  function setFaults(faults: Round['faults']): void {
    for (const dependency of DEPENDENCIES) world.network[dependency].fault(faults[dependency]);
    tally.faults += Object.keys(faults).length;
  }

  /** Freezes all, lets time pass, and thaws them. */
  async function pause({ endings, frozenMs }: Round): Promise<void> {
    for (const process of fleet) process.freeze();
    for (const dependency of DEPENDENCIES) {
      const ending = endings[dependency];
      if (ending !== undefined) world.network[dependency].drop(ending);
    }
    world.jump(frozenMs);
    // By then the connections have ended, and not while they are used again.
    await sleep(NETWORK_MS);
    for (const process of fleet) process.thaw();
  }

  async function go({ faults, turns }: Round, isCalm = false): Promise<void> {
    setFaults(faults);
    await Promise.all(fleet.map((process, at) => takeTurn(at, process, turns[at] ?? { profiles: [] }, isCalm)));
    setFaults({});
    tally.rounds += 1;
    Object.assign(tally, await world.counts(), { livedMs: world.now() - startedAt });
    onRound(tally);
  }

  /** All is well: everybody gets a token, and each profile's is obtained once at most. */
  async function goCalmly(): Promise<void> {
    const lull = plan.lull();
    await go(lull);
    // What started before would be frozen in the middle.
    await world.settle();
    await pause(lull);
    const before = await world.counts();
    const calm = plan.calm();
    await go(calm, true);
    const { leases, exchanges, tableGivenUp } = await world.counts(before);
    const due = exchanges - tableGivenUp;
    if (leases > PROFILES.length) blame(`: ${leases} leases in a calm`);
    if (due > PROFILES.length) blame(`: ${due} exchanges in a calm`);
    await pause(calm);
  }

  async function judgeProcesses(): Promise<void> {
    const evidence = await world.evidence();
    for (const secret of findLeaks(evidence)) tally.violations.push(`a piece of a secret has come out: ${secret}`);
    if (evidence.text.includes('"Bugs"')) tally.violations.push('the log tells of a bug');
    if (evidence.stderr !== '') tally.violations.push(`standard error: ${evidence.stderr.slice(0, 200)}`);
  }

  try {
    for (let at = 0; at < sandboxes; at += 1) fleet.push(await world.start('token'));
    const endsAt = performance.now() + seconds * 1000;
    do {
      for (let storms = 0; storms < STORMS; storms += 1) {
        const storm = plan.storm();
        await go(storm);
        await pause(storm);
      }
      await goCalmly();
    } while (performance.now() < endsAt);
    await judgeProcesses();
  } finally {
    await world.close();
  }
  return tally;
}
