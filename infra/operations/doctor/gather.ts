import type { AwsCredentialIdentity } from '@smithy/types';
import type { Profile, Profiles } from '../../../lib/broker/profiles/profile.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { ok } from '../../../lib/core/result.ts';
import { plus } from '../../../lib/core/time.ts';
import type { HttpClient } from '../../../lib/net/http-client.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { chosenProfilesFile, profilesFiles, readProfilesFile } from '../../build/profiles-file.ts';
import { checkProfile, type Deployment, findDeployment } from '../deployment.ts';
import { gatherAws } from './aws.ts';
import type { AwsContext } from './aws-context.ts';
import { createLocalView, LOCAL_ACCOUNT, LOCAL_TOPIC } from './aws-local.ts';
import type { AwsView } from './aws-view.ts';
import { DOOR_CHECKS } from './door.ts';
import { examine, type Finding } from './finding.ts';
import { BUNDLE_FILE, changedAt, OWN_CHECKS, type OwnFacts, placeOf } from './own.ts';
import type { packageTemplate } from './packaged.ts';
import { credentialsOf, SECRET_CHECKS } from './secret-checks.ts';
import { STACK_CHECKS } from './stack-checks.ts';
import { TABLE_CHECKS } from './table-checks.ts';
import { structureOf } from './template.ts';
import { WATCH_CHECKS } from './watch-checks.ts';
import { gatherZitadel, withSubjects } from './zitadel.ts';
import { ZITADEL_CHECKS, type ZitadelContext } from './zitadel-checks.ts';

/** What the doctor asks with. */
export interface DoctorDeps {
  readonly clock: Clock;
  readonly send: Send;
  readonly http: HttpClient;
  readonly credentials: () => Promise<AwsCredentialIdentity>;
  readonly packageTemplate: typeof packageTemplate;
  /** The view of a deployment. */
  readonly openView: (deployment: Deployment, options: { readonly startsDrift: boolean }) => AwsView;
  /** What is changed of the local stack's view, for tests. */
  readonly changeView?: (view: AwsView) => AwsView;
}

export interface Wanted {
  readonly stage?: string | undefined;
  readonly region?: string | undefined;
  readonly local: boolean;
  readonly port: string;
  /** One profile, with those whose tokens it needs; all by default. */
  readonly profile?: string | undefined;
  /** `NAME=VALUE`, as the deployment got them on the command line. */
  readonly parameters: readonly string[];
  readonly wantsTokens: boolean;
  readonly startsDrift: boolean;
}

/** Everything that the checks judge. */
export interface Gathered {
  readonly name: string;
  readonly own: OwnFacts;
  /** Absent if the profiles have faults. */
  readonly aws?: AwsContext;
  readonly zitadel?: ZitadelContext;
}

/** The profiles of a deployment may have faults; those of the local stack have none. */
function gatherProfiles({ local, stage = '', region = process.env.AWS_REGION ?? 'eu-central-1' }: Wanted) {
  if (local) return undefined;
  const read = readProfilesFile(chosenProfilesFile(), { allowLoopbackHttp: false });
  return read.ok ? undefined : { name: stage === '' ? FILES : `${stage} (${region})`, region, profiles: read };
}

const ACCOUNT = process.env.AWS_ACCOUNT_ID;

/** Without a broker, only what is to be deployed is checked, as for this stage. */
const FILES = 'the files (AWS and ZITADEL: add --stage S or --local)';
const FILES_STAGE = 'dev';

const chosenOf = (profiles: Profiles, name: string | undefined): readonly Profile[] =>
  withSubjects(
    name === undefined ? profiles.values() : [profiles.get(name)].filter((one) => one !== undefined),
    profiles,
  );

/**
 * Gathers the facts, each once.
 * @throws {UsageError} if the command line names no deployment, or an unknown profile
 * @throws {OperationError} if the local stack is not running
 */
export async function gather(wanted: Wanted, deps: DoctorDeps): Promise<Gathered> {
  const { local: isLocal, profile, wantsTokens, startsDrift } = wanted;
  const profilesPlace = chosenProfilesFile();
  const files = profilesFiles(profilesPlace);
  const profilesChangedAt = changedAt(profilesPlace, ...(files.ok ? files.value : []));
  const file = { profilesChangedAt, bundledAt: changedAt(BUNDLE_FILE) };
  const account = isLocal ? LOCAL_ACCOUNT : ACCOUNT;
  const shared = { nodeVersion: process.version, isLocal, account, ...file };
  const faulty = gatherProfiles(wanted);
  if (faulty !== undefined) {
    const { name, region, profiles } = faulty;
    return { name, own: { ...shared, profiles, place: placeOf(region, account) } };
  }
  const isOfFiles = !isLocal && wanted.stage === undefined;
  const deployment = findDeployment(isOfFiles ? { ...wanted, stage: FILES_STAGE } : wanted);
  const { region, profiles } = deployment;
  const name = isOfFiles ? FILES : deployment.name;
  if (profile !== undefined) checkProfile(deployment, profile);
  const place = placeOf(region, account);
  const stage = isLocal ? 'local' : (wanted.stage ?? FILES_STAGE);
  const parameters = isLocal ? [`alarmTopicArn=${LOCAL_TOPIC}`] : wanted.parameters;
  const template = await deps.packageTemplate({ stage, region, profiles, parameters });
  const own: OwnFacts = { ...shared, profiles: ok(profiles), place, template };
  if (isOfFiles) return { name, own };
  const chosen = chosenOf(profiles, profile);
  const url = `http://127.0.0.1:${wanted.port}`;
  const opened = isLocal
    ? template.ok
      ? createLocalView(deployment, template.value, { place, url })
      : undefined
    : deps.openView(deployment, { startsDrift });
  if (opened === undefined) return { name, own };
  const view = deps.changeView?.(opened) ?? opened;
  const facts = await gatherAws(view, deployment, { chosen, send: deps.send });
  // The broker's time is AWS's; the clock of this machine may be wrong.
  const now = () => plus(deps.clock.now(), -(facts.clockAheadMs ?? 0));
  const clock = { ...deps.clock, now };
  const credentials = credentialsOf(facts);
  const found = facts.identity.ok ? facts.identity.value : place;
  const expected = template.ok ? structureOf(template.value, found) : undefined;
  const stackName = expected?.table?.name ?? deployment.tableName;
  return {
    name,
    own,
    aws: { facts, expected, profiles, chosen, stackName, account, now: now() },
    zitadel: {
      facts: await gatherZitadel({ clock, send: deps.send, profiles, credentials }, { chosen, wantsTokens }),
      chosen,
      credentials,
    },
  };
}

const AWS_CHECKS = [...STACK_CHECKS, ...SECRET_CHECKS, ...TABLE_CHECKS, ...WATCH_CHECKS, ...DOOR_CHECKS];

/** Judges what was gathered, in the order in which causes come before effects. */
export const judgeAll = ({ own, aws, zitadel }: Gathered): readonly Finding[] => [
  ...examine('docs/runbooks.md#doctor-local', OWN_CHECKS, own),
  ...(aws === undefined ? [] : examine('docs/runbooks.md#doctor-aws', AWS_CHECKS, aws)),
  ...(zitadel === undefined ? [] : examine('docs/runbooks.md#doctor-zitadel', ZITADEL_CHECKS, zitadel)),
];
