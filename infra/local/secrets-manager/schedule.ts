import { type Answer, answered, refused } from './answer.ts';

/** When a secret rotates, as RotateSecret takes it and DescribeSecret shows it. */
export interface RotationRules {
  readonly AutomaticallyAfterDays?: number;
  readonly ScheduleExpression?: string;
  readonly Duration?: string;
}

/** How a secret rotates. CancelRotateSecret changes `isEnabled` alone. */
export interface RotationPlan {
  readonly isEnabled: boolean;
  readonly lambdaArn: string;
  /** Absent: only RotateSecret rotates the secret. */
  readonly rules: RotationRules | undefined;
  /** When the last rotation succeeded. */
  readonly rotatedAtMs: number | undefined;
  /** When the next rotation has started at the latest. It is in the past if a rotation fails. */
  readonly nextAtMs: number | undefined;
}

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

const RATE = /^rate\(([1-9]\d{0,2}) (hour|day)s?\)$/;
const DURATION = /^([1-9]|1\d|2[0-4])h$/;

/** The number of units between two rotations. */
function periodOf({ AutomaticallyAfterDays: days, ScheduleExpression: expression }: RotationRules) {
  if (days !== undefined) return { count: days, unitMs: DAY_MS };
  const [, count, unit] = RATE.exec(expression ?? '') ?? [];
  return count === undefined ? undefined : { count: Number(count), unitMs: unit === 'day' ? DAY_MS : HOUR_MS };
}

/** Checks the rules. InvalidParameterException also for what AWS supports and this stand-in does not: `cron()`. */
export function checkRules(rules: RotationRules): Answer<RotationRules> {
  const { AutomaticallyAfterDays: days, ScheduleExpression: expression, Duration: duration } = rules;
  const invalid = (message: string) => refused('InvalidParameterException', message);
  if (days !== undefined && expression !== undefined) {
    return invalid("You can't specify both AutomaticallyAfterDays and ScheduleExpression.");
  }
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= 1000)) {
    return invalid('AutomaticallyAfterDays must be 1 to 1000.');
  }
  const period = periodOf(rules);
  if (period === undefined)
    return invalid('RotationRules must have AutomaticallyAfterDays, or a ScheduleExpression rate().');
  if (period.unitMs === HOUR_MS && period.count < 4) return invalid('A secret rotates every 4 hours at most.');
  if (duration !== undefined && !DURATION.test(duration)) return invalid('Duration must be 1h to 24h.');
  return answered(rules);
}

/**
 * When the rotation after one at `fromMs` has started at the latest: the last second of its window. The window begins
 * with the day or the hour, and lasts as long as that unless `Duration` says otherwise.
 */
export function nextRotationMs(rules: RotationRules | undefined, fromMs: number): number | undefined {
  const period = rules && periodOf(rules);
  if (period === undefined) return undefined;
  const { count, unitMs } = period;
  const [, hours] = DURATION.exec(rules?.Duration ?? '') ?? [];
  const windowMs = hours === undefined ? unitMs : Number(hours) * HOUR_MS;
  return fromMs - (fromMs % unitMs) + count * unitMs + windowMs - SECOND_MS;
}
