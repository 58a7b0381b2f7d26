import { createProgress, print, readCount, runCommand } from '../../support/command.ts';
import { type HistoryFigures, PROMISES, runHistories } from './histories.ts';
import { type Figures, runAssertions, VIOLATIONS } from './run.ts';

const HELP = `Plays generated assertions against the function for callers without IAM, all in one process, and holds each answer
against a second verifier: aws-jwt-verify, and the policy written once more from the documents. With --histories it plays
histories of an issuer that rotates its keys, vanishes and lies, and checks what is promised about them.

  npm run federation -- [--histories] [--runs N] [--seed S] [--from N]

  --histories  histories of an issuer, not assertions
  --runs N     how many (default: 20000 assertions, 500 histories)
  --seed S     a text that names them: those of a seed are always the same, but for their keys (default: 1)
  --from N     begins with this number
  --help       this text

Ends with 1 where an assertion was not caught, was answered 5xx, or was decided otherwise than the second verifier says, or
where a promise was broken.
`;

const DEFAULT_RUNS = { assertions: 20_000, histories: 500 };
const LONGEST_SHOWN = 300;

const counted = (tally: Figures['tally']): readonly string[] =>
  Object.entries(tally)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`);

const speed = (count: number, what: string, seconds: number): string =>
  `${seconds.toFixed(1)} s, ${(count / seconds).toFixed(0)} ${what}/s`;

function report({ assertions, tally, violations }: Figures, seconds: number): readonly string[] {
  const kinds = VIOLATIONS.map((kind) => `${kind}: ${violations[kind]}`);
  return [...counted(tally), `assertions: ${assertions}`, ...kinds, speed(assertions, 'assertions', seconds)];
}

function reportHistories({ histories, tally, breaches }: HistoryFigures, seconds: number): readonly string[] {
  const broken = PROMISES.map((one) => `${one}: ${breaches.filter(({ promise }) => promise === one).length} broken`);
  return [...counted(tally), `histories: ${histories}`, ...broken, speed(histories, 'histories', seconds)];
}

await runCommand({
  help: HELP,
  options: {
    histories: { type: 'boolean', default: false },
    runs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
  async run({ histories, runs: count, seed, from: first }) {
    const what = histories ? 'histories' : 'assertions';
    const runs = readCount('runs', count ?? String(DEFAULT_RUNS[what]), { least: 1 });
    const from = readCount('from', first);
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    const progress = createProgress();
    const onProgress = (done: number) =>
      progress((s) => `${done} of ${runs} ${what}, ${(done / s).toFixed(0)} ${what}/s`);
    if (histories) {
      const figures = await runHistories({ runs, seed, from }, onProgress);
      for (const line of reportHistories(figures, seconds())) print(line);
      for (const breach of figures.breaches) {
        print(`${breach.promise}: ${breach.what}, in step ${breach.step}`);
        print(
          `again: npm run federation -- --histories --seed ${seed} --from ${from + figures.histories - 1} --runs 1`,
        );
      }
      return figures.breaches.length === 0;
    }
    const figures = await runAssertions({ runs, seed, from }, onProgress);
    for (const line of report(figures, seconds())) print(line);
    const { counterexample } = figures;
    if (counterexample === undefined) return true;
    print(counterexample.what);
    print(`made of: ${JSON.stringify(counterexample.plan)}`);
    for (const part of (counterexample.request.jwt ?? '').split('.').slice(0, 2))
      print(Buffer.from(part, 'base64url').toString().slice(0, LONGEST_SHOWN));
    print(`again: npm run federation -- --seed ${seed} --from ${from + figures.assertions - 1} --runs 1`);
    return false;
  },
});
