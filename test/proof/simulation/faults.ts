import type { Random } from './random.ts';

/** Faults of one operation: while one is on, each operation of its place meets it with a given chance. */
export const OPERATION_FAULTS = {
  /** A write or a read that never arrives. */
  table_request_lost: 'table',
  /** A write that is made, and whose answer is lost. */
  table_reply_lost: 'table',
  /** A write that is refused, and whose refusal is lost. */
  table_refusal_lost: 'table',
  /** Arrives after the caller has given up. */
  table_late: 'table',
  /** Arrives behind others that were sent after it. */
  table_reordered: 'table',
  /** The answer is lost, and the client sends the write again at once. */
  table_duplicated: 'table',
  /** Arrives, and once more seconds later. */
  table_duplicated_late: 'table',
  table_throttled: 'table',
  /** Answered with 500, be it made or not. */
  table_error: 'table',
  /** No connection. */
  table_away: 'table',
  /** Reads what was there up to a second ago. */
  table_stale: 'table',
  zitadel_request_lost: 'zitadel',
  /** A token is issued and never arrives. */
  zitadel_reply_lost: 'zitadel',
  zitadel_cut: 'zitadel',
  zitadel_error: 'zitadel',
  zitadel_busy: 'zitadel',
  /** Says that the credential is wrong, although it is right. */
  zitadel_refuses: 'zitadel',
  /** Takes seconds, and then answers as it should. */
  zitadel_slow: 'zitadel',
  zitadel_nonsense: 'zitadel',
  /** Says "inactive" of a token, whatever it is. */
  zitadel_forgets: 'zitadel',
  zitadel_away: 'zitadel',
  secrets_away: 'secrets',
  secrets_throttled: 'secrets',
  secrets_slow: 'secrets',
  /** Answers with the version before the current one. */
  secrets_stale: 'secrets',
} as const;

export type OperationFault = keyof typeof OPERATION_FAULTS;
export type Place = (typeof OPERATION_FAULTS)[OperationFault];

/** Faults that happen once. */
const EVENT_FAULTS = [
  'killed',
  'killed_at_await',
  'killed_with_lease',
  'killed_in_request',
  'killed_before_publishing',
  'frozen',
  'frozen_across_expiry',
  'secret_changed',
  'secret_reverted',
  'secret_garbled',
  'key_too_new',
  'life_shortened',
  'row_deleted',
  'row_poisoned',
  'account_locked',
  'deployed',
  'clock_ahead',
  'clock_behind',
  'clock_hours_off',
] as const;

export type EventFault = (typeof EVENT_FAULTS)[number];
export type FaultKind = OperationFault | EventFault;

/** All kinds, in the order in which they are reported. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...(Object.keys(OPERATION_FAULTS) as OperationFault[]),
  ...EVENT_FAULTS,
];

/** A fault that is on for a while. */
export interface FaultSpan {
  readonly fault: OperationFault;
  readonly from: number;
  readonly until: number;
  /** How many of the operations meet it. */
  readonly share: number;
  /** The one sandbox that meets it; absent: all. */
  readonly sandbox?: number | undefined;
}

/** Decides what an operation meets. */
export type DrawFault = (place: Place, now: number, sandbox: number, random: Random) => OperationFault | undefined;

/** Creates the decision from the spans of a plan; every fault that is met is counted. */
export function createFaults(spans: readonly FaultSpan[], count: (fault: FaultKind) => void): DrawFault {
  // Who is away cannot do anything else wrong.
  const inOrder = spans.toSorted((a, b) => Number(b.fault.endsWith('_away')) - Number(a.fault.endsWith('_away')));
  return (place, now, sandbox, random) => {
    for (const { fault, from, until, share, sandbox: only } of inOrder) {
      if (OPERATION_FAULTS[fault] !== place || now < from || now >= until) continue;
      if (only !== undefined && only !== sandbox) continue;
      if (!random.chance(share)) continue;
      count(fault);
      return fault;
    }
    return undefined;
  };
}
