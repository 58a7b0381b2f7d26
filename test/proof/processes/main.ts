import { createProgress, note, print, printFigures, readCount, runCommand } from '../../support/command.ts';
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

Ends with 0, or 1 where something is not as it must be, or 2 where these arguments are wrong.
`;

/** As shells have it for SIGINT. */
const INTERRUPTED = 130;

const minutes = (ms: number): string => `${(ms / 60_000).toFixed(1)} min`;

const answersOf = ({ answers }: Tally): string =>
  Object.entries(answers)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');

function printTally(tally: Tally): void {
  const { rounds, requests, faults, freezes, kills, livedMs, violations } = tally;
  printFigures({
    rounds: `${rounds}, ${minutes(livedMs)} by the clock of the processes`,
    requests: `${requests} (${answersOf(tally)})`,
    exchanges: `${tally.exchanges}, leases ${tally.leases}, the table given up ${tally.tableGivenUp} times`,
    blows: `${faults} faults of the network, ${freezes} freezes, ${kills} kills`,
    violations: violations.length,
  });
  for (const violation of violations.slice(0, 50)) print(`  ${violation}`);
}

await runCommand({
  help: HELP,
  options: {
    seconds: { type: 'string', default: '60' },
    sandboxes: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
  async run(values) {
    const seconds = readCount('seconds', values.seconds);
    const sandboxes = readCount('sandboxes', values.sandboxes, { least: 1 });
    const seed = readCount('seed', values.seed);
    // Processes and folders go with this process, however it ends.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(INTERRUPTED));
    note(`seed ${seed}, ${sandboxes} sandboxes, ${seconds} s`);
    const broker = await createPackage();
    process.once('exit', broker.remove);
    const progress = createProgress();
    const onRound = (tally: Tally) =>
      progress(() => `round ${tally.rounds}, ${answersOf(tally)}, violations: ${tally.violations.length}`);
    const tally = await live(broker, { seconds, sandboxes, seed, onRound });
    printTally(tally);
    return tally.violations.length === 0;
  },
});
