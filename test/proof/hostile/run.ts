import { setTimeout as realDelay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Overrides } from '../../../lib/compose/environment.ts';
import { type Case, nameOf } from './catalogue.ts';
import { judge, type Violation } from './judge.ts';
import { trustTestAuthority } from './secure.ts';
import { playCase } from './stage.ts';

/** The result of a run. */
export interface Summary {
  /** Each with the name of its case. */
  readonly violations: readonly (Violation & { readonly name: string })[];
  /** `undefined` if too few cases were played to tell. */
  readonly heapGrowthMb: number | undefined;
  readonly seconds: number;
}

/** A run must not leave more than this. */
export const MOST_HEAP_GROWTH_MB = 64;

/** Fewer cases say nothing about the heap. */
const LEAST_MEASURED = 10;
/** After so many, or half of them, all code is loaded, and all that is kept on purpose is there. */
const WARM_AFTER = 250;

const MB = 1_048_576;
/** What was closed a moment ago is collected the second time. */
const COLLECTIONS = 3;

/** Heap and buffers in use, in MB, after garbage collection. */
async function heapMb(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let count = 0; count < COLLECTIONS; count += 1) {
    await realDelay(20);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MB;
}

/**
 * Observes what this process does besides answering, until the returned function is called. That one answers what
 * libraries have printed on their own, which must tell no secret either, and the errors that nobody has caught.
 */
function observeOutside(): () => { readonly printed: string; readonly strays: readonly string[] } {
  let printed = '';
  const strays: string[] = [];
  const { stdout, stderr } = process;
  const before = { stdout: stdout.write, stderr: stderr.write };
  const hold = (chunk: string | Uint8Array): boolean => {
    printed += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    return true;
  };
  const hear = (error: unknown) => void strays.push(error instanceof Error ? String(error.stack) : String(error));
  stdout.write = hold;
  stderr.write = hold;
  process.on('unhandledRejection', hear);
  process.on('uncaughtException', hear);
  return () => {
    stdout.write = before.stdout;
    stderr.write = before.stderr;
    process.off('unhandledRejection', hear);
    process.off('uncaughtException', hear);
    return { printed, strays };
  };
}

/** Plays a case, and judges it with everything that it does besides answering. */
async function* check(played: Case, overrides: Overrides): AsyncGenerator<Violation> {
  const end = observeOutside();
  const observed = await playCase(played, overrides).catch(String);
  const { printed, strays } = end();
  if (typeof observed === 'string') yield { rule: 'stray', what: observed };
  else yield* judge(played, observed, printed);
  for (const what of strays) yield { rule: 'stray', what };
}

/**
 * Plays cases one after another, and judges each.
 * @param onPlayed hears how many have been played
 * @param overrides parts of the broker that are wrong on purpose, to see that this is found
 */
export async function runCases(
  cases: readonly Case[],
  onPlayed: (count: number) => void = () => undefined,
  overrides: Overrides = {},
): Promise<Summary> {
  const begunAt = performance.now();
  const violations: Summary['violations'][number][] = [];
  const isMeasured = cases.length >= LEAST_MEASURED;
  let warmMb = 0;
  const distrust = trustTestAuthority();
  // AWS's SDK pauses for a random time before it tries again: here for none.
  const { random } = Math;
  Math.random = () => 0;
  try {
    for (const [at, played] of cases.entries()) {
      if (isMeasured && at === Math.min(WARM_AFTER, cases.length >> 1)) warmMb = await heapMb();
      const name = nameOf(played);
      for await (const violation of check(played, overrides)) violations.push({ name, ...violation });
      onPlayed(at + 1);
    }
  } finally {
    Math.random = random;
    distrust();
  }
  const heapGrowthMb = isMeasured ? (await heapMb()) - warmMb : undefined;
  return { violations, heapGrowthMb, seconds: (performance.now() - begunAt) / 1_000 };
}
