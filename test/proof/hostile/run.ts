import { createTable, type Table } from '../../../infra/local/table.ts';
import { type Case, nameOf } from './catalogue.ts';
import { heapMb } from './heap.ts';
import { judge, type Violation } from './judge.ts';
import { observeOutside } from './outside.ts';
import { trustTestAuthority } from './secure.ts';
import { createTableProxy } from './services.ts';
import { playCase, type StageDeps } from './stage.ts';

/** A case that breaks rules. */
export interface Broken {
  readonly played: Case;
  readonly violations: readonly Violation[];
}

/** The result of a run. */
export interface Summary {
  readonly broken: readonly Broken[];
  /** `undefined` if too few cases were played to tell. */
  readonly heapGrowthMb: number | undefined;
  readonly seconds: number;
}

/** The stand-in for the table keeps all rows in this process: after so many cases a new one replaces it. */
const CASES_OF_A_TABLE = 250;

/** Fewer cases say nothing about the heap. */
const LEAST_MEASURED = 10;

/** Runs with what all cases need. AWS's SDK pauses for a random time before it tries again: here for none. */
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

const stray = (what: string): Violation => ({ rule: 'stray', what });

/** Plays a case, and judges it with everything that it does besides answering. */
async function check(played: Case, deps: StageDeps): Promise<readonly Violation[]> {
  const end = observeOutside();
  const observed = await playCase(played, deps).catch(String);
  const { printed, strays } = end();
  const violations = typeof observed === 'string' ? [stray(observed)] : judge(played, observed, printed);
  return [...violations, ...strays.map(stray)];
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
  const isMeasured = cases.length >= LEAST_MEASURED;
  let warmMb = 0;
  await withServices(async (renew) => {
    let deps = await renew();
    for (const [at, played] of cases.entries()) {
      if (at > 0 && at % CASES_OF_A_TABLE === 0) deps = await renew();
      // By then all code is loaded, and all that is kept on purpose is there.
      if (isMeasured && at === Math.min(CASES_OF_A_TABLE, cases.length >> 1)) warmMb = await heapMb();
      const violations = await check(played, { ...deps, ...changes });
      if (violations.length > 0) broken.push({ played, violations });
      onPlayed(at + 1);
    }
  });
  const heapGrowthMb = isMeasured ? (await heapMb()) - warmMb : undefined;
  return { broken, heapGrowthMb, seconds: (performance.now() - begunAt) / 1_000 };
}

/** What is wrong, to be read. */
export const wrongs = ({ broken }: Summary): readonly (readonly string[])[] =>
  broken.map(({ played, violations }) => [nameOf(played), ...violations.map(({ rule, what }) => `${rule}: ${what}`)]);
