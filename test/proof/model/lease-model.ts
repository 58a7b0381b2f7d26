import { TOKEN_REQUEST_MS } from '../../../lib/broker/obtain/leased.ts';
import { failureFromRow, LONGEST_PAUSE_MS } from '../../../lib/broker/store/failure.ts';
import { acquire, doubt, type Lease, publish, release } from '../../../lib/broker/store/lease.ts';
import { applyUpdate, type Row, type RowUpdate } from '../../../lib/broker/store/table.ts';
import { type Freshness, freshness, tokenLife } from '../../../lib/broker/token/freshness.ts';
import { REQUEST_MS } from '../../../lib/core/limits.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../../../lib/core/time.ts';
import type { Rules } from './clauses.ts';

/** When the model begins. */
export const BEGIN = instant(1_795_438_700_000);

/** Faults of the world, each as often as a scenario allows. */
export interface Budget {
  readonly crashes: number;
  readonly freezes: number;
  /** Writes that arrive once more. */
  readonly duplicates: number;
  /** Writes that arrive later than their sender waits for. */
  readonly delays: number;
  /** Deletions of the row. */
  readonly deletions: number;
  /** Token requests that fail. */
  readonly failures: number;
  /** Credentials that are refused: the secret is read again, and another request follows. */
  readonly refusals: number;
  /** Notes in the row that its token is doubted: they are no business of the lease's. */
  readonly doubts: number;
}

/** A process, as the scenario sets it up. */
export interface Member {
  /** By how many milliseconds its clock is ahead. */
  readonly aheadMs: number;
  readonly credential: string;
  /** A token that proved worthless, as it is sealed. */
  readonly rejected?: string;
}

/** A small world: who is in it, what the row is at first, what may go wrong, and for how long. */
export interface Scenario {
  readonly name: string;
  readonly members: readonly Member[];
  readonly row: Row;
  readonly seconds: number;
  /** How finely time is cut. */
  readonly tickMs: number;
  readonly attempts: number;
  readonly budget: Partial<Budget>;
  /** Tokens that may be obtained besides the one that must be: where the members hold different credentials. */
  readonly moreTokens?: number;
  /** The row is malformed at first: whoever has read that may take it from a holder. */
  readonly isSpoilt?: boolean;
}

interface Process {
  readonly phase: 'idle' | 'asking' | 'answered' | 'rereading' | 'holding' | 'exchanging' | 'dead';
  readonly isFrozen: boolean;
  /** Whether it was frozen since it asked for its lease: then its lease may be over without its knowing. */
  readonly wasFrozen: boolean;
  readonly attempts: number;
  /** Absent where it was refused. */
  readonly lease?: Lease;
  /** The tick at which its request, or its reading of the secret, began. */
  readonly startedAt?: number;
}

interface Message {
  readonly from: number;
  readonly update: RowUpdate;
  /** Of an acquisition: its sender waits for the answer. */
  readonly isAsked: boolean;
  readonly isLate?: boolean;
}

/** All that there is at one moment. Plain data, so that two states can be compared. */
export interface State {
  readonly tick: number;
  readonly row: Row;
  readonly processes: readonly Process[];
  readonly messages: readonly Message[];
  readonly left: Partial<Budget>;
  /** Tokens that were obtained. */
  readonly obtained: number;
  /** Crashes, freezes and deletions so far: each may cost one request more. */
  readonly causes: number;
  /** The row was deleted or overwritten under its holder, and may be under another. */
  readonly isSpoilt: boolean;
}

/** A state that follows, how it came about, and what is wrong with it, if anything. */
export interface Step {
  readonly what: string;
  readonly state: State;
  readonly fault?: string;
}

/** Each of these may cost one token request more. */
const CAUSES: ReadonlySet<keyof Budget> = new Set(['crashes', 'freezes', 'delays', 'deletions']);
/** How long Secrets Manager may take. */
const REREAD_MS = 2 * SECOND_MS;
/** A token that is obtained in a scenario needs no renewal as long as it lasts: that comes after 60 s. */
const LIFE_MS = 80 * SECOND_MS;

const idle = (attempts: number): Process => ({ phase: 'idle', isFrozen: false, wasFrozen: false, attempts });

/** How a scenario begins. */
export const beginning = ({ members, row, budget, isSpoilt = false }: Scenario): State => ({
  tick: 0,
  row,
  processes: members.map(() => idle(0)),
  messages: [],
  left: budget,
  obtained: 0,
  causes: 0,
  isSpoilt,
});

/** As the store reads it. */
const read = (row: Row): Row => (Number.isSafeInteger(row.generation ?? 0) ? row : { malformed: true });

/** Where the token of a row stands for its reader. Sealed is when it was obtained, in milliseconds from the beginning. */
function tokenState({ sealed, credential }: Row, member: Member, now: EpochMs): Freshness {
  if (sealed === undefined || credential !== member.credential || sealed === member.rejected) return 'dead';
  return freshness(tokenLife(plus(BEGIN, Number(sealed)), { lifeMs: LIFE_MS, random: 0 }), { now, minValidityMs: 0 });
}

/** Everything that may happen next. */
export function steps(
  { members, seconds, tickMs, attempts, moreTokens = 0 }: Scenario,
  rules: Rules,
  state: State,
): Step[] {
  const { tick, row, processes, messages, left } = state;
  const nowOf = (index: number): EpochMs => plus(BEGIN, tick * tickMs + (members[index]?.aheadMs ?? 0));
  const found: Step[] = [];
  const change = (index: number, by: Partial<Process>): readonly Process[] =>
    processes.map((process, at) => (at === index ? { ...process, ...by } : process));
  /** With one process that has nothing to do any more. */
  const rest = (index: number) => processes.with(index, idle(processes[index]?.attempts ?? 0));
  const add = (what: string, by: Partial<State>, fault?: string): void => {
    found.push({ what, state: { ...state, ...by }, ...(fault === undefined ? {} : { fault }) });
  };
  /** Adds what follows from a fault, if the budget has one left. */
  const suffer = (fault: keyof Budget, what: string, by: Partial<State>, wrong?: string): void => {
    const { [fault]: count = 0 } = left;
    const causes = state.causes + Number(CAUSES.has(fault));
    if (count > 0) add(what, { ...by, causes, left: { ...left, [fault]: count - 1 } }, wrong);
  };
  const isWorking = ({ phase, wasFrozen }: Process) => phase === 'exchanging' && !wasFrozen;

  // What takes a process no time, or a limited one, is over in its time, unless the process stands still.
  const sinceMs = ({ startedAt = 0 }: Process) => (tick - startedAt) * tickMs;
  const mayWait = (process: Process): boolean => {
    if (process.phase === 'exchanging') return sinceMs(process) < REQUEST_MS;
    if (process.phase === 'rereading') return sinceMs(process) < REREAD_MS;
    return process.phase === 'idle' || process.phase === 'asking' || process.phase === 'dead';
  };
  const mayTick =
    processes.every((process) => process.isFrozen || mayWait(process)) &&
    messages.every(({ isLate }) => isLate === true);
  if (tick * tickMs < seconds * SECOND_MS && mayTick) add('time passes', { tick: tick + 1 });
  suffer('deletions', 'the row is deleted', { row: {}, isSpoilt: true });
  const doubted = applyUpdate(row, doubt(read(row), BEGIN));
  if (doubted !== 'refused') suffer('doubts', 'somebody doubts the token', { row: doubted });

  for (const [at, message] of messages.entries()) {
    const { update, from, isAsked } = message;
    const written = applyUpdate(row, update);
    const isMade = written !== 'refused';
    const { owner = '', leaseUntil = BEGIN } = update.set;
    const lease = isMade ? { lease: { owner, until: leaseUntil } } : {};
    const isWaiting = isAsked && processes[from]?.phase === 'asking';
    const arrived: Partial<State> = {
      ...(isMade ? { row: written } : {}),
      ...(isWaiting ? { processes: change(from, { phase: 'answered', ...lease }) } : {}),
    };
    const outcome = `of process ${from}: ${isMade ? 'made' : 'refused'}`;
    const isOlder = isMade && Number(written.sealed) < Number(row.sealed);
    const wrong = isOlder ? 'a stored token gives way to an older one' : undefined;
    const late: Message = { ...message, isLate: true, isAsked: false };
    add(`a write ${outcome}`, { ...arrived, messages: messages.toSpliced(at, 1) }, wrong);
    suffer(
      'duplicates',
      `a write that comes again ${outcome}`,
      { ...arrived, messages: messages.with(at, late) },
      wrong,
    );
    if (message.isLate === undefined) {
      // Its sender has given up, and leaves things as they are.
      const others = isAsked ? rest(from) : processes;
      suffer('delays', `a write of process ${from} is late`, { messages: messages.with(at, late), processes: others });
    }
  }

  for (const [index, process] of processes.entries()) {
    const { phase, lease } = process;
    if (phase === 'dead') continue;
    if (phase !== 'idle') suffer('crashes', `process ${index} dies`, { processes: change(index, { phase: 'dead' }) });
    if (process.isFrozen) {
      add(`process ${index} wakes`, { processes: change(index, { isFrozen: false }) });
      continue;
    }
    const frozen = change(index, { isFrozen: true, wasFrozen: true });
    if (phase !== 'idle') suffer('freezes', `process ${index} freezes`, { processes: frozen });
    const now = nowOf(index);
    const member = members[index] as Member;
    if (phase === 'idle' && process.attempts < attempts) {
      const known = read(row);
      const failed = rules.stands(failureFromRow(known), now, member.credential);
      const judged = { failed, leased: rules.isLeased(known, now) };
      if (rules.nextStep(tokenState(known, member, now), judged) === 'acquire') {
        const update = acquire(known, `${index}#${process.attempts}`, now, rules.isUnchanged(known));
        add(`process ${index} asks for the lease`, {
          messages: [...messages, { from: index, update, isAsked: true }],
          processes: processes.with(index, { ...idle(process.attempts + 1), phase: 'asking' }),
        });
      }
    }
    if (phase === 'answered') {
      const next = lease === undefined ? rest(index) : change(index, { phase: 'holding' });
      add(`process ${index} reads the answer`, { processes: next });
    }
    if (phase === 'rereading') {
      add(`process ${index} has read the secret`, { processes: change(index, { phase: 'holding' }) });
    }
    if (phase === 'holding' && lease !== undefined && !rules.canEndWithin(lease, now, TOKEN_REQUEST_MS)) {
      add(`process ${index} has no time left`, { processes: rest(index) });
    } else if (phase === 'holding') {
      const others = processes.some((other, at) => at !== index && isWorking(other));
      const { failedUntil = 0, failedCredential } = row;
      const isFailed = failedCredential === undefined && now < failedUntil && failedUntil < now + 2 * LONGEST_PAUSE_MS;
      const faults = [
        !state.isSpoilt && others && 'two token requests at a time',
        isFailed && 'a token request although a failure stands',
        !state.isSpoilt && tokenState(row, member, now) === 'fresh' && 'a token request although a token is fresh',
      ];
      add(
        `process ${index} begins its token request`,
        { processes: change(index, { phase: 'exchanging', startedAt: tick }) },
        (!process.wasFrozen && faults.find((fault) => fault !== false)) || undefined,
      );
    }
    if (phase === 'exchanging' && lease !== undefined) {
      const issuedMs = (process.startedAt ?? 0) * tickMs;
      const { expiresAt } = tokenLife(plus(BEGIN, issuedMs), { lifeMs: LIFE_MS, random: 0 });
      const send = (update: RowUpdate): readonly Message[] => [
        ...messages,
        { from: index, update: rules.end({ ...update, condition: rules.isStillMine(lease) }), isAsked: false },
      ];
      const isTooMany = state.obtained > state.causes + moreTokens;
      add(
        `process ${index} has a token`,
        {
          messages: send(publish(lease, { sealed: String(issuedMs), credential: member.credential, expiresAt })),
          processes: rest(index),
          obtained: state.obtained + 1,
        },
        isTooMany ? `${state.obtained + 1} tokens, with ${state.causes} causes` : undefined,
      );
      suffer('refusals', `process ${index} is refused and reads the secret again`, {
        processes: change(index, { phase: 'rereading', startedAt: tick }),
      });
      const failure = { failedUntil: plus(now, LONGEST_PAUSE_MS), failure: 'unavailable', failures: 1 };
      suffer('failures', `the token request of process ${index} fails`, {
        messages: send(release(lease, failure)),
        processes: rest(index),
      });
    }
  }
  return found;
}
