import { createTable, type Table } from '../../../infra/local/table.ts';
import { type Case, nameOf } from './case.ts';
import { DEFECTS, type Defect, defectOf } from './defects.ts';
import { heapMb } from './heap.ts';
import { judge, type Violation } from './judge.ts';
import { holdPrinted, listenForStrays } from './printed.ts';
import { trustTestAuthority } from './secure.ts';
import { createTableProxy } from './services.ts';
import { playCase, type StageDeps } from './stage.ts';

/** A case that breaks a rule. */
export interface Broken {
  readonly played: Case;
  readonly violations: readonly Violation[];
}

/** What a run came to. */
export interface Summary {
  /** Known defects are not among them. */
  readonly broken: readonly Broken[];
  /** In how many cases each known defect has shown. */
  readonly defects: ReadonlyMap<Defect, number>;
  /** Known defects whose example does not show them any more. */
  readonly mended: readonly Defect[];
  /** `undefined` where too few cases were played to tell. */
  readonly heapGrowthMb: number | undefined;
  readonly seconds: number;
}

/** The stand-in for the table keeps all rows in this process: after so many cases a new one takes over. */
const CASES_OF_A_TABLE = 250;

/** Of fewer cases nothing is to be learnt about the heap. */
const LEAST_MEASURED = 10;

/** Has what all cases need. The SDK of AWS pauses for a random time before it tries again: here for none. */
async function withServices<T>(run: (renew: () => Promise<StageDeps>) => Promise<T>): Promise<T> {
  let table: Table | undefined;
  const distrust = trustTestAuthority();
  const { random } = Math;
  Math.random = () => 0;
  try {
    return await run(async () => {
      await table?.close();
      table = await createTable({ tableName: 'tokens' });
      return { askTable: createTableProxy(table.url) };
    });
  } finally {
    Math.random = random;
    distrust();
    await table?.close();
  }
}

/** Plays a case, and hears of everything that it does outside of its answer. */
async function check(played: Case, deps: StageDeps): Promise<readonly Violation[]> {
  const printed = holdPrinted();
  const strays = listenForStrays();
  try {
    const violations = await playCase(played, deps).then(
      (observed) => judge(played, observed, printed.take()),
      (error: unknown) => [{ rule: 'stray', what: String(error) }] as const,
    );
    return [...violations, ...strays.take().map((what) => ({ rule: 'stray', what }) as const)];
  } finally {
    strays.stop();
    printed.stop();
  }
}

/**
 * Plays cases one after another, and judges each.
 * @param onPlayed hears how many have been played
 * @param changes to the broker, to see that what is wrong is found
 */
export async function runCases(
  cases: readonly Case[],
  onPlayed: (count: number) => void = () => undefined,
  changes: Pick<StageDeps, 'overrides'> = {},
): Promise<Summary> {
  const begunAt = performance.now();
  const broken: Broken[] = [];
  const defects = new Map<Defect, number>();
  const shown = new Set<string>();
  const isMeasured = cases.length >= LEAST_MEASURED;
  let warmMb = 0;
  await withServices(async (renew) => {
    let deps = await renew();
    for (const [at, played] of cases.entries()) {
      if (at > 0 && at % CASES_OF_A_TABLE === 0) deps = await renew();
      // By then all code has been loaded, and all that is kept on purpose is there.
      if (isMeasured && at === Math.min(CASES_OF_A_TABLE, cases.length >> 1)) warmMb = await heapMb();
      const violations = await check(played, { ...deps, ...changes });
      const defect = violations.length === 0 ? undefined : defectOf(played, violations);
      if (defect !== undefined) {
        defects.set(defect, (defects.get(defect) ?? 0) + 1);
        shown.add(nameOf(played));
      } else if (violations.length > 0) broken.push({ played, violations });
      onPlayed(at + 1);
    }
  });
  const names = new Set(cases.map(nameOf));
  return {
    broken,
    defects,
    mended: DEFECTS.filter(({ example }) => names.has(example) && !shown.has(example)),
    heapGrowthMb: isMeasured ? (await heapMb()) - warmMb : undefined,
    seconds: (performance.now() - begunAt) / 1_000,
  };
}

/** What is wrong, to be read. */
export const wrongs = ({ broken }: Summary): readonly (readonly string[])[] =>
  broken.map(({ played, violations }) => [nameOf(played), ...violations.map(({ rule, what }) => `${rule}: ${what}`)]);
