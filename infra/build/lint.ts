import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageTemplate } from '../operations/doctor/packaged.ts';
import { chosenProfilesFile, readProfilesFile } from './profiles-file.ts';

const HELP = `Checks the CloudFormation template with cfn-lint, for one region of each partition: AWS, GovCloud and China.

  npm run lint:template [-- [--region REGION]… [--param NAME=VALUE]…]

It needs cfn-lint 1.58 or newer, a Python program: pip install cfn-lint. The profiles are read from $PROFILES_FILE (default
infra/profiles/, else infra/profiles.yml). Exit codes: 0 no finding, 1 findings, 2 it could not be checked, 64 a wrong command line.
`;

/** Older ones do not know all properties in every partition. */
const LEAST_MINOR = 58;

const REGIONS = ['us-east-1', 'us-gov-west-1', 'cn-north-1'];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Whether cfn-lint finds nothing in a file. What it finds, it prints. */
const isClean = (file: string, region: string): boolean =>
  spawnSync('cfn-lint', ['--regions', region, '--template', file], { stdio: 'inherit' }).status === 0;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      region: { type: 'string', multiple: true },
      param: { type: 'string', multiple: true },
      help: { type: 'boolean' },
    },
  });
  const { region: regions = REGIONS, param: parameters = [], help } = values;
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { stdout, error } = spawnSync('cfn-lint', ['--version'], { encoding: 'utf8' });
  if (error !== undefined) {
    say('cfn-lint is not installed, and nothing was checked. It is a Python program: pip install cfn-lint');
    return 2;
  }
  const [version = stdout, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout) ?? [];
  if (Number(major) === 1 && Number(minor) < LEAST_MINOR) {
    say(`cfn-lint ${version} is too old, and nothing was checked: pip install --upgrade cfn-lint`);
    return 2;
  }
  say(`cfn-lint ${version}`);
  const profiles = readProfilesFile(chosenProfilesFile(), { allowLoopbackHttp: false });
  if (!profiles.ok) {
    say(profiles.error.join('\n'));
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'lint-'));
  try {
    const clean: boolean[] = [];
    for (const region of regions) {
      const template = await packageTemplate({ stage: 'prod', region, profiles: profiles.value, parameters });
      if (!template.ok) {
        say(`${region}: cannot be packaged: ${template.error.says}`);
        return 2;
      }
      const file = join(folder, `${region}.json`);
      writeFileSync(file, JSON.stringify(template.value, null, 2));
      clean.push(isClean(file, region));
      say(`${region}: ${clean.at(-1) ? 'no finding' : 'findings'}`);
    }
    return clean.every(Boolean) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'nothing was checked'}\nTry --help.\n`);
  process.exitCode = 64;
}
