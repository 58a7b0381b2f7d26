import type { Random } from '../runner/random.ts';
import { SECRET_FAULTS } from './secrets.ts';
import { TABLE_FAULTS } from './table.ts';
import { ZITADEL_FAULTS } from './zitadel.ts';

/** Faults of one operation: while one is on, each operation of its place meets it with a given chance. */
const OF_PLACE = { table: TABLE_FAULTS, zitadel: ZITADEL_FAULTS, secrets: SECRET_FAULTS };
type Place = keyof typeof OF_PLACE;
export type OperationFault = (typeof OF_PLACE)[Place][number];
export const OPERATION_FAULTS = Object.values(OF_PLACE).flat() as [OperationFault, ...OperationFault[]];

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
  'rolled_back',
  'clock_ahead',
  'clock_behind',
  'clock_hours_off',
] as const;

export type FaultKind = OperationFault | (typeof EVENT_FAULTS)[number];

/** All kinds, in the order in which they are reported. */
export const FAULT_KINDS: readonly FaultKind[] = [...OPERATION_FAULTS, ...EVENT_FAULTS];

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
export type DrawFault = <P extends Place>(
  place: P,
  sandbox: number,
  random: Random,
) => (typeof OF_PLACE)[P][number] | undefined;

/** Creates the decision from the spans of a plan; every fault that is met is counted. */
export function createFaults(
  spans: readonly FaultSpan[],
  now: () => number,
  count: (fault: FaultKind) => void,
): DrawFault {
  // Who is away cannot do anything else wrong.
  const inOrder = spans.toSorted((a, b) => Number(b.fault.endsWith('_away')) - Number(a.fault.endsWith('_away')));
  return (place, sandbox, random) => {
    const kinds: readonly string[] = OF_PLACE[place];
    const met = inOrder.find(
      ({ fault, from, until, share, sandbox: only = sandbox }) =>
        kinds.includes(fault) && from <= now() && now() < until && only === sandbox && random.chance(share),
    )?.fault;
    if (met !== undefined) count(met);
    return met as (typeof OF_PLACE)[typeof place][number] | undefined;
  };
}
