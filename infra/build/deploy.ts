import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, type Pair, parseDocument } from 'yaml';

const root = join(import.meta.dirname, '../..');

const USES: Readonly<Record<string, string>> = {
  package: `Makes the CloudFormation template and the zip files, without an AWS account: for the serverless CLI in .serverless/, for
other tools in dist/.`,
  deploy: 'Deploys the broker to an AWS account, with the credentials of the environment or of ~/.aws.',
};

const INDENT = 4;
const NAME_WIDTH = 26;

/** A parameter with the comment above it in serverless.yml. */
function describe({ key, value }: Pair, above?: string | null): string {
  const name = isScalar(key) ? String(key.value) : '';
  const standard = isScalar(value) ? String(value.value) : '';
  const comment = (isScalar(key) ? key.commentBefore : undefined) ?? above ?? '';
  const meaning = comment.slice(comment.lastIndexOf('\n') + 1).trim();
  return `${' '.repeat(INDENT)}${name.padEnd(NAME_WIDTH)}${meaning}${standard === '' ? '' : ` [${standard}]`}`;
}

function help(command: string): string {
  const parameters = parseDocument(readFileSync(join(root, 'serverless.yml'), 'utf8')).getIn(['params', 'default']);
  // The comment above the first stands above all of them.
  const lines = isMap(parameters) ? parameters.items.map((item) => describe(item, parameters.commentBefore)) : [];
  return `${USES[command]}

  npm run ${command} -- [--stage STAGE] [--region REGION] [--param NAME=VALUE]…

  --stage STAGE        part of every name, such as dev or prod [dev]
  --region REGION      [$AWS_REGION, $AWS_DEFAULT_REGION, else eu-central-1]
  --param NAME=VALUE   a parameter, as often as needed
  --verbose            says more
  --help               prints this text

  Parameters, with their defaults (docs/deploy.md says more):

${lines.join('\n')}

  The profiles are read from $PROFILES_FILE (default infra/profiles/, else infra/profiles.yml); npm run profiles checks them.
`;
}

const [command = 'package', ...rest] = process.argv.slice(2);
if (rest.includes('--help') || rest.includes('-h')) {
  process.stdout.write(help(command));
} else {
  const osls = join(root, 'node_modules/osls/bin/serverless.js');
  const { status } = spawnSync(process.execPath, [osls, command, ...rest], { stdio: 'inherit', cwd: root });
  process.exitCode = status ?? 1;
}
