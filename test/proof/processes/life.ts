import { judge } from './judge.ts';
import { readLog } from './logged.ts';
import type { Package } from './package.ts';
import { createPlan, PROFILES, type Round } from './plan.ts';
import { findLeaks } from './secrets.ts';
import { settle, sleep } from './settle.ts';
import { type Said, type Slot, takeTurn } from './turn.ts';
import { createWorld, type Dependency, type World } from './world.ts';

/** How to run. */
export interface LifeOptions {
  /** Real time that storms go on; the last calm comes after it. */
  readonly seconds: number;
  readonly sandboxes: number;
  readonly seed: number;
  /** Is told after each round how it goes. */
  readonly onRound?: (tally: Tally) => void;
}

/** What a run came to. */
export interface Tally {
  rounds: number;
  requests: number;
  /** Answers by status; `lost` with their process. */
  readonly answers: Record<string, number>;
  faults: number;
  freezes: number;
  kills: number;
  /** Tokens that ZITADEL issued, those included that never arrived. */
  exchanges: number;
  leases: number;
  /** How often a process gave up a connection to the table; it may have obtained a token on its own then. */
  tableGivenUp: number;
  /** Milliseconds by the clock of the processes. */
  livedMs: number;
  /** What must not be: none after a good run. */
  readonly violations: string[];
}

/** Short enough to be renewed all the time, long enough to be kept. */
const TOKEN_LIFE_SECONDS = 60;

/** So much longer than it says a lease counts for others. */
const SKEW_MS = 1_000;

/** Storms between two times of calm. */
const STORMS = 4;

/** What is begun after an answer has begun in this time. */
const QUIET_MS = 100;

/** What is sent over loopback arrives in this time. */
const NETWORK_MS = 10;

/** Runs a fleet of processes through storms and calms, and judges all that it says. */
export async function live(
  broker: Package,
  { seconds, sandboxes, seed, onRound = () => undefined }: LifeOptions,
): Promise<Tally> {
  const world = await createWorld(broker, { tokenLifetimeSeconds: TOKEN_LIFE_SECONDS, clockJumps: true });
  const startedAt = world.clock.now();
  const plan = createPlan(seed, sandboxes);
  const slots: Slot[] = [];
  const tally: Tally = {
    rounds: 0,
    requests: 0,
    answers: {},
    faults: 0,
    freezes: 0,
    kills: 0,
    exchanges: 0,
    leases: 0,
    tableGivenUp: 0,
    livedMs: 0,
    violations: [],
  };

  async function judgeAll(said: readonly Said[], isCalm: boolean): Promise<void> {
    const log = await readLog(said);
    for (const { profile, answer, endMs, isKilled, frozenMs } of said) {
      const { kind, status, requestId } = answer;
      const name = kind === 'response' ? String(status) : kind;
      tally.requests += 1;
      tally.answers[name] = (tally.answers[name] ?? 0) + 1;
      const { madeAtMs, error = '' } = log.get(requestId) ?? {};
      for (const fault of judge(answer, { isKilled, isCalm, frozenMs, madeAtMs, endMs })) {
        tally.violations.push(`round ${tally.rounds}, ${profile}: ${fault}${error}`);
      }
    }
  }

  function setFaults({ faults }: Pick<Round, 'faults'>): void {
    for (const dependency of Object.keys(world.network) as Dependency[]) {
      world.network[dependency].fault(faults[dependency]);
    }
  }

  /** Freezes all, lets time pass, and lets them go on. */
  async function pause({ endings, frozenMs }: Round): Promise<void> {
    for (const { process } of slots) process.freeze();
    for (const [dependency, ending] of Object.entries(endings)) world.network[dependency as Dependency].drop(ending);
    world.clock.jump(frozenMs);
    // The connections have ended by then, and not while they are used again.
    await sleep(NETWORK_MS);
    for (const { process } of slots) process.thaw();
  }

  async function go(round: Round, isCalm = false): Promise<void> {
    setFaults(round);
    const turns = round.turns.flatMap((turn, at) => {
      const slot = slots[at];
      return slot === undefined ? [] : [takeTurn(world, slot, turn)];
    });
    const taken = await Promise.all(turns);
    setFaults({ faults: {} });
    tally.faults += Object.keys(round.faults).length;
    tally.freezes += taken.filter(({ struck }) => struck === 'freeze').length;
    tally.kills += taken.filter(({ struck }) => struck === 'kill').length;
    await judgeAll(
      taken.flatMap(({ said }) => said),
      isCalm,
    );
    tally.rounds += 1;
    tally.exchanges = world.zitadel.issued();
    tally.leases = await world.leases();
    tally.tableGivenUp = world.tableGivenUp();
    tally.livedMs = world.clock.now() - startedAt;
    onRound(tally);
  }

  /** Whether nobody is at work at this moment. Who was killed with a lease leaves it behind. */
  async function isIdle(): Promise<boolean> {
    const leasedAfter = world.clock.now() - SKEW_MS;
    const leased = (await world.rows()).filter(({ leaseUntil }) => Number(leaseUntil?.N ?? 0) >= leasedAfter);
    const busy = Object.values(world.network).reduce((sum, line) => sum + line.busy(), 0);
    return leased.length + busy === 0;
  }

  /** Whether nobody is at work, in the background either. */
  async function isQuiet(): Promise<boolean> {
    if (!(await isIdle())) return false;
    await sleep(QUIET_MS);
    return isIdle();
  }

  /** All is well: everybody gets a token, and each profile's is obtained once at the most. */
  async function goCalmly(): Promise<void> {
    const lull = plan.lull();
    await go(lull);
    // What was begun before would be frozen in the middle.
    await settle(isQuiet);
    await pause(lull);
    const before = { exchanges: world.zitadel.issued(), leases: await world.leases(), givenUp: world.tableGivenUp() };
    const calm = plan.calm();
    await go(calm, true);
    const leases = tally.leases - before.leases;
    const exchanges = tally.exchanges - before.exchanges - (world.tableGivenUp() - before.givenUp);
    if (leases > PROFILES.length) tally.violations.push(`round ${tally.rounds}: ${leases} leases in a calm`);
    if (exchanges > PROFILES.length) tally.violations.push(`round ${tally.rounds}: ${exchanges} exchanges in a calm`);
    await pause(calm);
  }

  async function judgeProcesses({ evidence }: World): Promise<void> {
    const seen = await evidence();
    for (const secret of findLeaks([seen])) tally.violations.push(`a piece of a secret has come out: ${secret}`);
    if (seen.text.includes('"Bugs"')) tally.violations.push('the log tells of a bug');
    if (seen.stderr !== '') tally.violations.push(`standard error: ${seen.stderr.slice(0, 200)}`);
  }

  try {
    for (let at = 0; at < sandboxes; at += 1) slots.push({ process: await world.start('token') });
    const endsAt = performance.now() + seconds * 1000;
    do {
      for (let storms = 0; storms < STORMS; storms += 1) {
        const storm = plan.storm();
        await go(storm);
        await pause(storm);
      }
      await goCalmly();
    } while (performance.now() < endsAt);
    await judgeProcesses(world);
  } finally {
    await world.close();
  }
  return tally;
}
