import type { Profile, Profiles } from '../../../lib/broker/profiles/profile.ts';
import type { EpochMs } from '../../../lib/core/time.ts';
import type { AwsFacts, Structure } from './aws-view.ts';
import { type Check, type Fact, fault, judge, judgeKnown, type Problem } from './finding.ts';

/** What the group judges: what is deployed, and what a deployment from here would consist of. */
export interface AwsContext {
  readonly facts: AwsFacts;
  /** Absent if it cannot be packaged. */
  readonly expected: Structure | undefined;
  readonly profiles: Profiles;
  /** The profiles that are looked at. */
  readonly chosen: readonly Profile[];
  /** Such as `zitadel-token-broker-prod`. */
  readonly stackName: string;
  /** The account of the deployment, if the operator has named it. */
  readonly account: string | undefined;
  readonly now: EpochMs;
}

/** What brings back what is packaged. */
export const DEPLOY = 'deploy again: npm run deploy -- --stage S';

/** Problems of what a stack should have, by what tells the things apart. */
export function compare<T>(
  expected: readonly T[] | undefined,
  actual: readonly T[],
  keyOf: (thing: T) => string,
  differences: (actual: T, expected: T) => readonly Problem[],
): readonly Problem[] {
  const there = new Map(actual.map((thing) => [keyOf(thing), thing]));
  return (expected ?? []).flatMap((thing) => {
    const found = there.get(keyOf(thing));
    return found === undefined ? [fault(keyOf(thing), 'is missing', DEPLOY)] : differences(found, thing);
  });
}

/** The check of one fact of the stack. */
export const checkOf = <T>(
  code: string,
  title: string,
  fine: string,
  pick: (facts: AwsFacts) => Fact<T> | undefined,
  run: (value: T, context: AwsContext) => readonly Problem[],
): Check<AwsContext> => ({
  code,
  title,
  fine: () => fine,
  run: (context) => judge(pick(context.facts), title, (value) => run(value, context)),
});

/** As {@link checkOf}, where another check reports that the fact is not known. */
export const furtherOf = <T>(...[code, title, fine, pick, run]: Parameters<typeof checkOf<T>>): Check<AwsContext> => ({
  code,
  title,
  fine: () => fine,
  run: (context) => judgeKnown(pick(context.facts), (value) => run(value, context)),
});

/** Problems of the things that are both packaged and there. One that is missing is reported by {@link compare}. */
export const compareFound = <T>(
  expected: readonly T[] | undefined,
  actual: readonly T[],
  keyOf: (thing: T) => string,
  differences: (actual: T, expected: T) => readonly Problem[],
): readonly Problem[] =>
  compare(
    expected?.filter((thing) => actual.some((one) => keyOf(one) === keyOf(thing))),
    actual,
    keyOf,
    differences,
  );
