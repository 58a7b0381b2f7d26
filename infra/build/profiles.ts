import { parseArgs } from 'node:util';
import type { Profile } from '../../lib/broker/profiles/profile.ts';
import { hasOwnTokens } from '../../lib/broker/profiles/profile.ts';
import { rotatedSecrets } from '../../lib/broker/profiles/rotation.ts';
import { DAY_MS } from '../../lib/core/time.ts';
import { findChanges, isVersion } from './profiles-changes.ts';
import { chosenProfilesFile, readProfilesFile } from './profiles-file.ts';
import { findFaults, findWarnings } from './profiles-warnings.ts';
import { table } from './table.ts';
import { describeWorkload, findDoubtfulWorkloads, findUnusedIssuers } from './workload-warnings.ts';

const HELP = `Checks the profiles and prints them as a table, or every fault with its place.

  npm run profiles -- [--file PATH] [--account ID] [--region REGION] [--from VERSION]

  --file PATH       the profiles, a file or a folder (default: $PROFILES_FILE, else infra/profiles/ or infra/profiles.yml)
  --account ID      the AWS account of the deployment (default: $AWS_ACCOUNT_ID): secrets of others are named
  --region REGION   its region (default: $AWS_REGION): secrets that it cannot reach are faults
  --from VERSION    the deployed version, before an upgrade: fields that mean something else now are named
  --help            prints this text
`;

const howObtained = (profile: Profile): string => {
  const { grant, subject } = profile;
  if (subject !== undefined) return `exchange of ${subject}'s token`;
  if (!hasOwnTokens(profile)) return "exchange of callers' tokens";
  return grant ?? 'as the secret says';
};

/** How many roles, and how many callers without IAM if there are some. */
const callersOf = ({ callers, federated = [] }: Profile): string =>
  federated.length === 0 ? `${callers.length}` : `${callers.length} + ${federated.length} without IAM`;

/** Prints the faults of a file. @returns the exit code */
function refuse(file: string, faults: readonly string[]): number {
  process.stderr.write(`${faults.join('\n')}\n\n${file} has ${faults.length} fault(s); nothing was built.\n`);
  return 1;
}

function main(): number {
  const options = {
    file: { type: 'string' },
    account: { type: 'string', default: process.env.AWS_ACCOUNT_ID },
    region: { type: 'string', default: process.env.AWS_REGION },
    from: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  const { values } = parseArgs({ options });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { from } = values;
  if (from !== undefined && !isVersion(from)) throw new Error('--from takes a version: 0.1.0');
  const file = values.file ?? chosenProfilesFile();
  const read = readProfilesFile(file, { allowLoopbackHttp: false });
  if (!read.ok) return refuse(file, read.error);
  const deployment = { account: values.account, region: values.region };
  const faults = findFaults(read.value, deployment);
  if (faults.length > 0) return refuse(file, faults);
  const hasSeveral = new Set(read.fileOf.values()).size > 1;
  const rows = [...read.value.values()].map((profile) => [
    profile.name,
    ...(hasSeveral ? [read.fileOf.get(profile.name) ?? ''] : []),
    profile.issuer,
    profile.secret,
    howObtained(profile),
    `${profile.scopes.length}`,
    callersOf(profile),
    profile.prewarm ? 'yes' : 'no',
  ]);
  const columns = ['ISSUER', 'SECRET', 'TOKEN BY', 'SCOPES', 'CALLERS', 'PREWARM'];
  process.stdout.write(`${table([['PROFILE', ...(hasSeveral ? ['FILE'] : []), ...columns], ...rows])}\n`);
  const rotated = rotatedSecrets(read.value).map(({ secret, everyMs, by }) => [
    secret,
    `every ${everyMs / DAY_MS} days`,
    by ?? 'itself',
  ]);
  if (rotated.length > 0) process.stdout.write(`\n${table([['KEY IN', 'ROTATES', 'MANAGED BY'], ...rotated])}\n`);
  const workloads = [...read.value.values()].flatMap(({ name, federated = [] }) =>
    federated.map((caller) => [name, describeWorkload(caller)]),
  );
  if (workloads.length > 0) process.stdout.write(`\n${table([['PROFILE', 'CALLER WITHOUT IAM'], ...workloads])}\n`);
  const changes = from === undefined ? [] : findChanges(read.value, from);
  const warnings = [
    ...findWarnings(read.value, deployment),
    ...findUnusedIssuers(read.issuers, read.value),
    ...findDoubtfulWorkloads(read.value),
    ...changes,
  ];
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  // parseArgs explains a wrong option in one sentence.
  process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\nTry --help.\n`);
  process.exitCode = 2;
}
