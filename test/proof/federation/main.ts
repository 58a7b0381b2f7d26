import { createProgress, print, readCount, runCommand } from '../../support/command.ts';
import { type Figures, runAssertions, VIOLATIONS } from './run.ts';

const HELP = `Plays generated assertions against the function for callers without IAM, all in one process, and holds each answer
against a second verifier: aws-jwt-verify, and the policy written once more from the documents.

  npm run federation -- [--runs N] [--seed S] [--from N]

  --runs N   how many assertions (default: 20000)
  --seed S   a text that names the assertions: those of a seed are always the same, but for their keys (default: 1)
  --from N   begins with this number
  --help     this text

Ends with 1 where an assertion was not caught, was answered 5xx, or was decided otherwise than the second verifier says.
`;

const DEFAULT_RUNS = 20_000;
const LONGEST_SHOWN = 300;

function report({ assertions, tally, violations }: Figures, seconds: number): string {
  return [
    ...Object.entries(tally)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`),
    `assertions: ${assertions}`,
    ...VIOLATIONS.map((kind) => `${kind}: ${violations[kind]}`),
    `${seconds.toFixed(1)} s, ${(assertions / seconds).toFixed(0)} assertions/s`,
    '',
  ].join('\n');
}

await runCommand({
  help: HELP,
  options: {
    runs: { type: 'string', default: String(DEFAULT_RUNS) },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
  async run({ runs: count, seed, from: first }) {
    const runs = readCount('runs', count, { least: 1 });
    const from = readCount('from', first);
    const startedAt = performance.now();
    const progress = createProgress();
    const figures = await runAssertions({ runs, seed, from }, (done) =>
      progress((seconds) => `${done} of ${runs} assertions, ${(done / seconds).toFixed(0)} assertions/s`),
    );
    process.stdout.write(report(figures, (performance.now() - startedAt) / 1000));
    const { counterexample } = figures;
    if (counterexample === undefined) return true;
    const { what, plan, request } = counterexample;
    print(what);
    print(`made of: ${JSON.stringify(plan)}`);
    for (const part of (request.jwt ?? '').split('.').slice(0, 2))
      print(Buffer.from(part, 'base64url').toString().slice(0, LONGEST_SHOWN));
    const number = plan.seed.slice(plan.seed.lastIndexOf('/') + 1);
    print(`again: npm run federation -- --seed ${seed} --from ${number} --runs 1`);
    return false;
  },
});
