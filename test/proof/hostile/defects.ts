import { type Case, nameOf } from './case.ts';
import type { Violation } from './judge.ts';
import type { Meaning } from './kinds/kind.ts';

/** Something of the broker that is known to be otherwise than it should be, and waits to be mended. */
export interface Defect {
  readonly what: string;
  readonly rules: readonly Violation['rule'][];
  /** Whether it may show in a case of this name. */
  readonly cases: RegExp;
  /** What the answer means there, where that matters too. */
  readonly meaning?: Meaning;
  /** The name of one that it shows in. */
  readonly example: string;
}

/** All of them. One that its example does not show any more fails the run: it is to be taken out then. */
export const DEFECTS: readonly Defect[] = [];

/** Whether a defect may show in a case. */
export const mayShow = ({ cases, meaning }: Defect, played: Case): boolean =>
  cases.test(nameOf(played)) && (meaning === undefined || played.kind.means[played.place.scope] === meaning);

/** The defect that a case shows, where it breaks no other rule. */
export const defectOf = (played: Case, violations: readonly Violation[]): Defect | undefined =>
  DEFECTS.find((defect) => mayShow(defect, played) && violations.every(({ rule }) => defect.rules.includes(rule)));
