import { createProgress, print, readCount, runCommand } from '../../support/command.ts';
import { PROMISES, playHistory } from './histories.ts';
import { createAssertionPlay, VIOLATIONS } from './judge.ts';
import { run } from './run.ts';

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
    const runs = readCount('runs', count ?? (histories ? '500' : '20000'), { least: 1 });
    const from = readCount('from', first);
    const startedAt = performance.now();
    const progress = createProgress();
    const { played, tally, findings } = await run(
      histories ? playHistory : createAssertionPlay(),
      { runs, seed, from },
      (done) => progress((seconds) => `${done} of ${runs} ${what}, ${(done / seconds).toFixed(0)} ${what}/s`),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    for (const [name, times] of Object.entries(tally).sort(([, a], [, b]) => b - a))
      print(`  ${String(times).padStart(9)}  ${name}`);
    print(`${what}: ${played}`);
    for (const kind of histories ? PROMISES : VIOLATIONS)
      print(`${kind}: ${findings.filter((finding) => finding.kind === kind).length} violations`);
    print(`${seconds.toFixed(1)} s, ${(played / seconds).toFixed(0)} ${what}/s`);
    for (const finding of findings) {
      print(`${finding.kind}: ${finding.what}`);
      const mode = histories ? ' --histories' : '';
      print(`again: npm run federation --${mode} --seed ${seed} --from ${finding.number} --runs 1`);
    }
    return findings.length === 0;
  },
});
