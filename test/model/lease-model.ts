import { holds } from '../../lib/broker/condition.ts';
import { REQUEST_MS } from '../../lib/broker/exchange.ts';
import { acquire, type Lease, type Overruled, publish, release } from '../../lib/broker/lease.ts';
import { EXCHANGE_MS } from '../../lib/broker/leased-earning.ts';
import type { Row, RowUpdate } from '../../lib/broker/table.ts';
import { type EpochMs, instant, plus, SECOND_MS } from '../../lib/core/time.ts';
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
  /** Exchanges that fail. */
  readonly failures: number;
  /** Credentials that are refused: the secret is read again, and another exchange follows. */
  readonly refusals: number;
}

/** A process, as the scenario sets it up. */
export interface Member {
  /** By how many milliseconds its clock is ahead. */
  readonly aheadMs: number;
  readonly credential: string;
  readonly overruled?: Omit<Overruled, 'credential'>;
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
  /** Tokens that may be earned besides the one that must be: where the members hold different credentials. */
  readonly moreTokens?: number;
}

interface Process {
  readonly phase: 'idle' | 'asking' | 'answered' | 'rereading' | 'holding' | 'exchanging' | 'dead';
  readonly isFrozen: boolean;
  /** Whether it was frozen since it asked for its lease: then its lease may be over without its knowing. */
  readonly wasFrozen: boolean;
  readonly attempts: number;
  /** What the row said, or `refused`. */
  readonly reply?: Row | 'refused';
  readonly lease?: Lease;
  /** When it asked, by its own clock. */
  readonly askedAt?: EpochMs;
  /** The tick at which its exchange, or its reading of the secret, began. */
  readonly startedAt?: number;
}

interface Message {
  readonly from: number;
  readonly update: RowUpdate;
  /** Of an acquisition: its sender waits for the answer. */
  readonly isAsked: boolean;
  /** The tick at which the token in it was asked for. */
  readonly earnedAt?: number;
  readonly isLate?: boolean;
}

/** All that there is at one moment. Plain data, so that two states can be compared. */
export interface State {
  readonly tick: number;
  readonly row: Row;
  /** The tick at which the token in the row was asked for. */
  readonly storedEarnedAt: number;
  readonly processes: readonly Process[];
  readonly messages: readonly Message[];
  readonly left: Budget;
  /** Tokens that were earned. */
  readonly earned: number;
  /** Crashes, freezes and deletions so far: each may cost one exchange more. */
  readonly causes: number;
  readonly isDeleted: boolean;
}

/** A state that follows, how it came about, and what is wrong with it, if anything. */
export interface Step {
  readonly what: string;
  readonly state: State;
  readonly fault?: string;
}

const NO_FAULTS: Budget = { crashes: 0, freezes: 0, duplicates: 0, delays: 0, deletions: 0, failures: 0, refusals: 0 };
/** How long Secrets Manager may take. */
const REREAD_MS = 2 * SECOND_MS;
const FAILURE_SECONDS = 3;
/** An earned token needs no renewal as long as a scenario lasts. */
const REFRESH_SECONDS = 60;

/** How a scenario begins. */
export const beginning = ({ members, row, budget }: Scenario): State => ({
  tick: 0,
  row,
  storedEarnedAt: -1,
  processes: members.map(() => ({ phase: 'idle', isFrozen: false, wasFrozen: false, attempts: 0 })),
  messages: [],
  left: { ...NO_FAULTS, ...budget },
  earned: 0,
  causes: 0,
  isDeleted: false,
});

function apply(row: Row, { set, remove, nextGeneration, condition }: RowUpdate): Row | 'refused' {
  if (!holds(condition, row)) return 'refused';
  const next: Record<string, unknown> = { ...row, ...set };
  if (nextGeneration) next.generation = (row.generation ?? 0) + 1;
  for (const field of remove) delete next[field];
  return next as Row;
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
  const add = (what: string, by: Partial<State>, fault?: string): void => {
    found.push({ what, state: { ...state, ...by }, ...(fault === undefined ? {} : { fault }) });
  };
  const spend = (what: keyof Budget): Budget => ({ ...left, [what]: left[what] - 1 });
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
  if (left.deletions > 0) {
    add('the row is deleted', {
      row: {},
      storedEarnedAt: -1,
      isDeleted: true,
      causes: state.causes + 1,
      left: spend('deletions'),
    });
  }

  for (const [at, message] of messages.entries()) {
    const { update, from, isAsked, earnedAt } = message;
    const written = apply(row, update);
    const deliver = (what: string, rest: readonly Message[], by: Partial<State>): void => {
      const isWaiting = isAsked && processes[from]?.phase === 'asking';
      const isStored = written !== 'refused' && earnedAt !== undefined;
      add(
        `${what} of process ${from}: ${written === 'refused' ? 'refused' : 'made'}`,
        {
          messages: rest,
          ...(written === 'refused' ? {} : { row: written }),
          ...(isStored ? { storedEarnedAt: earnedAt } : {}),
          ...(isWaiting ? { processes: change(from, { phase: 'answered', reply: written }) } : {}),
          ...by,
        },
        isStored && earnedAt < state.storedEarnedAt ? 'a stored token gives way to an older one' : undefined,
      );
    };
    deliver('a write', messages.toSpliced(at, 1), {});
    if (left.delays > 0 && message.isLate === undefined) {
      const late = { ...message, isLate: true, isAsked: false };
      add(`a write of process ${from} is late`, {
        messages: messages.with(at, late),
        // Its sender has given up, and leaves things as they are.
        processes: isAsked ? change(from, { phase: 'idle' }) : processes,
        left: spend('delays'),
        causes: state.causes + 1,
      });
    }
    if (left.duplicates > 0) {
      const again: Message = { ...message, isLate: true, isAsked: false };
      deliver('a write that comes again', messages.with(at, again), { left: spend('duplicates') });
    }
  }

  for (const [index, process] of processes.entries()) {
    const { phase, lease } = process;
    if (phase === 'dead') continue;
    if (phase !== 'idle' && left.crashes > 0) {
      add(`process ${index} dies`, {
        processes: change(index, { phase: 'dead' }),
        causes: state.causes + 1,
        left: spend('crashes'),
      });
    }
    if (process.isFrozen) {
      add(`process ${index} wakes`, { processes: change(index, { isFrozen: false }) });
      continue;
    }
    if (phase !== 'idle' && left.freezes > 0) {
      const frozen = change(index, { isFrozen: true, wasFrozen: true });
      add(`process ${index} freezes`, { processes: frozen, causes: state.causes + 1, left: spend('freezes') });
    }
    const now = nowOf(index);
    if (phase === 'idle' && process.attempts < attempts) {
      const { credential = '', overruled = {} } = members[index] ?? {};
      const owner = `${index}#${process.attempts}`;
      const update = acquire(owner, now, rules.mayAcquire(now, { credential, ...overruled }));
      add(`process ${index} asks for the lease`, {
        messages: [...messages, { from: index, update, isAsked: true }],
        processes: change(index, { phase: 'asking', attempts: process.attempts + 1, wasFrozen: false, askedAt: now }),
      });
    }
    if (phase === 'answered' && process.reply !== undefined) {
      const { generation = 0, owner = '', leaseUntil = instant(0) } = process.reply === 'refused' ? {} : process.reply;
      const isTaken = process.reply !== 'refused';
      const got: Partial<Process> = isTaken
        ? { phase: 'holding', lease: { generation, owner, until: leaseUntil } }
        : { phase: 'idle' };
      add(`process ${index} reads the answer`, { processes: change(index, got) });
    }
    if (phase === 'rereading') {
      add(`process ${index} has read the secret`, { processes: change(index, { phase: 'holding' }) });
    }
    if (phase === 'holding' && lease !== undefined && !rules.canEndWithin(lease, now, EXCHANGE_MS)) {
      add(`process ${index} has no time left`, { processes: change(index, { phase: 'idle' }) });
    } else if (phase === 'holding') {
      const others = processes.some((other, at) => at !== index && isWorking(other));
      const stands = (row.failedUntil ?? 0) > Math.max(now, process.askedAt ?? 0) && row.failedCredential === undefined;
      const together = others && !process.wasFrozen && !state.isDeleted ? 'two exchanges at a time' : undefined;
      const hasty = stands && (process.askedAt ?? 0) >= (row.failedUntil ?? 0) - FAILURE_SECONDS * SECOND_MS;
      add(
        `process ${index} begins its exchange`,
        { processes: change(index, { phase: 'exchanging', startedAt: tick }) },
        together ?? (hasty && !process.wasFrozen ? 'an exchange although a failure stands' : undefined),
      );
    }
    if (phase === 'exchanging' && lease !== undefined) {
      const earnedAt = process.startedAt ?? 0;
      const { credential = '' } = members[index] ?? {};
      const refreshAt = plus(now, REFRESH_SECONDS * SECOND_MS);
      const token = {
        sealed: `token ${earnedAt} of ${index}`,
        credential,
        expiresAt: plus(refreshAt, SECOND_MS),
        refreshAt,
      };
      const update = { ...publish(lease, token), condition: rules.isStillMine(lease) };
      const isTooMany = state.earned > state.causes + moreTokens;
      add(
        `process ${index} has a token`,
        {
          messages: [...messages, { from: index, update, isAsked: false, earnedAt }],
          processes: change(index, { phase: 'idle' }),
          earned: state.earned + 1,
        },
        isTooMany ? `${state.earned + 1} tokens, with ${state.causes} causes` : undefined,
      );
      if (left.refusals > 0) {
        add(`process ${index} is refused and reads the secret again`, {
          processes: change(index, { phase: 'rereading', startedAt: tick }),
          left: spend('refusals'),
        });
      }
      if (left.failures > 0) {
        const failure = { failedUntil: plus(now, FAILURE_SECONDS * SECOND_MS), failure: 'unavailable', failures: 1 };
        const given = { ...release(lease, failure), condition: rules.isStillMine(lease) };
        add(`the exchange of process ${index} fails`, {
          messages: [...messages, { from: index, update: given, isAsked: false }],
          processes: change(index, { phase: 'idle' }),
          left: spend('failures'),
        });
      }
    }
  }
  return found;
}
