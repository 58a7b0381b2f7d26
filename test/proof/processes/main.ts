import { parseArgs } from 'node:util';
import { live, type Tally } from './life.ts';
import { createPackage } from './package.ts';

const HELP = `Runs the packaged functions as processes of their own, under a stand-in of Lambda's runtime API, through storms:
networks that fail in seven ways, freezes, kills, and hours that pass while all are frozen; and looks that nothing is
lost. Every request gets a token that is good or a 503; in calms everybody gets one, and each is obtained once.

  npm run processes -- [--seconds N] [--sandboxes N] [--seed N]

  --seconds N     how long storms go on (default 60)
  --sandboxes N   how many processes there are at a time (default 4)
  --seed N        decides what goes wrong (default: of the time); what comes of it, real time decides, too
  --help          this text

Exit code: 0, or 1 where something is not as it must be, or 2 where these arguments are wrong.
`;

/** Between two lines of progress. */
const PROGRESS_EVERY_MS = 5_000;

/** As shells have it for SIGINT. */
const INTERRUPTED = 130;

class UsageError extends Error {}

function readNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} takes a whole number`);
  return Number(text);
}

/** @throws {UsageError} that says what to write instead */
function readSettings() {
  const text = { type: 'string' } as const;
  const options = { seconds: text, sandboxes: text, seed: text, help: { type: 'boolean' } } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('\n')[0] : '');
  }
  if (values.help) return undefined;
  const seconds = readNumber('seconds', values.seconds, 60);
  const sandboxes = readNumber('sandboxes', values.sandboxes, 4);
  if (sandboxes === 0) throw new UsageError('--sandboxes takes a number from 1');
  return { seconds, sandboxes, seed: readNumber('seed', values.seed, Date.now() % 1_000_000) };
}

const minutes = (ms: number): string => `${(ms / 60_000).toFixed(1)} min`;

const answersOf = ({ answers }: Tally): string =>
  Object.entries(answers)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');

function summarize(tally: Tally): string {
  const { rounds, requests, faults, freezes, kills, livedMs, violations } = tally;
  return [
    `rounds      ${rounds}, ${minutes(livedMs)} by the clock of the processes`,
    `requests    ${requests} (${answersOf(tally)})`,
    `exchanges   ${tally.exchanges}, leases ${tally.leases}, the table given up ${tally.tableGivenUp} times`,
    `blows       ${faults} faults of the network, ${freezes} freezes, ${kills} kills`,
    `violations  ${violations.length}`,
    ...violations.slice(0, 50).map((violation) => `  ${violation}`),
    '',
  ].join('\n');
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (settings === undefined) return void process.stdout.write(HELP);
  // Processes and folders go with this process, however it ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(INTERRUPTED));
  process.stderr.write(`seed ${settings.seed}, ${settings.sandboxes} sandboxes, ${settings.seconds} s\n`);
  const broker = await createPackage();
  process.once('exit', broker.remove);
  let toldAt = performance.now();
  const tally = await live(broker, {
    ...settings,
    onRound(now) {
      if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
      toldAt = performance.now();
      process.stderr.write(`round ${now.rounds}, ${answersOf(now)}, violations: ${now.violations.length}\n`);
    },
  });
  process.stdout.write(summarize(tally));
  process.exitCode = tally.violations.length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`processes: ${error instanceof Error ? error.message : ''}${isUsage ? ' (see --help)' : ''}\n`);
  process.exitCode = isUsage ? 2 : 1;
});
