import { type ParseArgsConfig, parseArgs } from 'node:util';

/** A mistake on the command line. The message says what to write instead. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;

/** A command of the proofs. */
export interface Command<O extends Options> {
  /** What `--help` prints. */
  readonly help: string;
  /** Its options, as `parseArgs` takes them; `--help` is added. */
  readonly options: O;
  /**
   * Runs it and prints its report.
   * @returns whether every promise was kept
   * @throws {UsageError}
   */
  readonly run: (values: ReturnType<typeof parseArgs<{ options: O }>>['values']) => Promise<boolean>;
}

/** The exit codes of the commands of `infra`, too. */
const EXIT = { success: 0, failure: 1, usage: 2 };

/** Between two lines of progress. */
const PROGRESS_MS = 2_000;

/** Prints a line on standard output. */
export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Prints figures on standard output, each on a line with its name. */
export function printFigures(figures: Readonly<Record<string, string | number>>): void {
  for (const [name, figure] of Object.entries(figures)) print(`${name.padEnd(20)}${figure}`);
}

/** Prints a line on standard error. */
export const note = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Creates a printer of progress, which prints a line at most every 2 s.
 * @returns a function that takes what makes the line, from the seconds since the start
 */
export function createProgress(): (line: (seconds: number) => string) => void {
  const startedAt = performance.now();
  let printedAt = startedAt;
  return (line) => {
    const now = performance.now();
    if (now - printedAt < PROGRESS_MS) return;
    printedAt = now;
    note(line((now - startedAt) / 1000));
  };
}

/**
 * Reads a whole number from the command line, such as `--runs 100`.
 * @throws {UsageError} that names the option
 */
export function readCount(
  option: string,
  text: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
): number {
  const count = Number(text);
  if (/^-?\d+$/.test(text) && count >= least && count <= most) return count;
  const end = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  throw new UsageError(`--${option} takes a whole number from ${least}${end}`);
}

/** Runs a command with the arguments of this process, and ends the process once all that was printed has left it. */
export async function runCommand<const O extends Options>({ help, options, run }: Command<O>): Promise<void> {
  let code = EXIT.success;
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } as const });
    if ((values as { readonly help?: boolean }).help) process.stdout.write(help);
    else if (!(await run(values as Parameters<typeof run>[0]))) code = EXIT.failure;
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException;
    // parseArgs explains a wrong option in one sentence.
    const isUsage = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS');
    note(isUsage ? `${error.message}\nTry --help.` : String(error.stack));
    code = isUsage ? EXIT.usage : EXIT.failure;
  }
  process.stdout.write('', () => process.exit(code));
}
