import type { Result } from '../../../lib/core/result.ts';

/** `unknown`: it could not be checked. */
export type Level = 'fine' | 'warning' | 'fault' | 'unknown';

/** Something that is not as it should be. Its texts are safe to print: they never contain a secret's value. */
export interface Problem {
  readonly level: Exclude<Level, 'fine'>;
  /** What has the problem, such as a profile, a secret or a route. */
  readonly subject: string;
  /** What is wrong; reads on from the subject. */
  readonly says: string;
  readonly todo: string;
}

/** One line of the report. */
export interface Finding {
  /** Such as `ZTB101`: stays the same for good. */
  readonly code: string;
  readonly level: Level;
  readonly subject: string;
  readonly says: string;
  /** Empty if nothing is to do. */
  readonly todo: string;
  readonly page: string;
}

/** A check: a pure function of facts that were gathered before. */
export interface Check<Facts> {
  readonly code: string;
  /** The subject of its line if nothing is wrong. */
  readonly title: string;
  /** What that line says. */
  readonly fine: (facts: Facts) => string;
  /** The problems; `undefined` if there is nothing to check, which has no line. */
  readonly run: (facts: Facts) => readonly Problem[] | undefined;
}

/** Why a fact is not known, and what to do. */
export interface Unread {
  readonly says: string;
  readonly todo: string;
}

/** Something that was looked up, or why it could not be. */
export type Fact<T> = Result<T, Unread>;

type Make = (subject: string, says: string, todo: string) => Problem;

export const fault: Make = (subject, says, todo) => ({ level: 'fault', subject, says, todo });
export const warning: Make = (subject, says, todo) => ({ level: 'warning', subject, says, todo });
const unknown: Make = (subject, says, todo) => ({ level: 'unknown', subject, says, todo });

/** Judges a fact. One that could not be looked up is a problem of its own; one that was not asked for is none. */
export function judge<T>(
  fact: Fact<T> | undefined,
  subject: string,
  check: (value: T) => readonly Problem[],
): readonly Problem[] | undefined {
  if (fact === undefined) return undefined;
  return fact.ok ? check(fact.value) : [unknown(subject, fact.error.says, fact.error.todo)];
}

/** As {@link judge}, for a further check of a fact: that it could not be looked up is reported once. */
export const judgeKnown = <T>(
  fact: Fact<T> | undefined,
  check: (value: T) => readonly Problem[] | undefined,
): readonly Problem[] | undefined => (fact?.ok ? check(fact.value) : undefined);

/** The problems of all things in a list; nothing to check without any. */
export const judgeEach = <T>(
  things: readonly T[] | undefined,
  check: (thing: T) => readonly Problem[],
): readonly Problem[] | undefined =>
  things === undefined || things.length === 0 ? undefined : things.flatMap((thing) => check(thing));

/** Runs the checks of a group, whose page says more. */
export const examine = <Facts>(page: string, checks: readonly Check<Facts>[], facts: Facts): readonly Finding[] =>
  checks.flatMap(({ code, title, fine, run }): readonly Finding[] => {
    const problems = run(facts);
    if (problems === undefined) return [];
    if (problems.length > 0) return problems.map((problem) => ({ code, ...problem, page }));
    return [{ code, level: 'fine', subject: title, says: fine(facts), todo: '', page }];
  });
