import { parseArgs } from 'node:util';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { bundle } from './bundle.ts';
import { findChanges } from './profiles-changes.ts';
import { chosenProfilesFile, readProfilesFile } from './profiles-file.ts';
import { findFaults, findPlaceholders, findWarnings } from './profiles-warnings.ts';
import { findDoubtfulWorkloads, findUnusedIssuers } from './workload-warnings.ts';

/** What infra/plugin.cjs reads: one line of JSON. */
export interface Prepared {
  /** Nothing is packaged if there is one. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** The version whose profiles may mean something else now. Which one is deployed, nobody knows here. */
const CHANGED_SINCE = '0.1.0';

function changes(profiles: Profiles): readonly string[] {
  if (findChanges(profiles, CHANGED_SINCE).length === 0) return [];
  return [
    `Fields of these profiles have changed their meaning since ${CHANGED_SINCE}: if you upgrade from it, see npm run profiles -- --from ${CHANGED_SINCE}`,
  ];
}

/**
 * Checks the profiles for a deployment, and bundles the functions with them.
 * @param isDeployed whether they are deployed now: then they may name no example
 */
async function prepare({ region, isDeployed }: { region: string; isDeployed: boolean }): Promise<Prepared> {
  const file = chosenProfilesFile();
  const read = readProfilesFile(file, { allowLoopbackHttp: false });
  if (!read.ok) return { faults: read.error, warnings: [] };
  const deployment = { account: process.env.AWS_ACCOUNT_ID, region };
  const placeholders = findPlaceholders(read.value);
  const faults = [...findFaults(read.value, deployment), ...(isDeployed ? placeholders.foreign : [])];
  const warnings = [
    ...findWarnings(read.value, deployment),
    ...findUnusedIssuers(read.issuers, read.value),
    ...findDoubtfulWorkloads(read.value),
    ...placeholders.doubtful,
    ...changes(read.value),
    ...(isDeployed ? [] : placeholders.foreign),
  ];
  if (faults.length === 0) await bundle({ profilesFile: file, outdir: '.build' });
  return { faults, warnings };
}

const { values } = parseArgs({ options: { region: { type: 'string', default: '' }, deploy: { type: 'boolean' } } });
const prepared = await prepare({ region: values.region, isDeployed: values.deploy === true });
process.stdout.write(`${JSON.stringify(prepared)}\n`);
