import { randomUUID } from 'node:crypto';
import { createOpenKeys } from '../../../lib/broker/rotation/holder-keys.ts';
import type { KeyTokenDeps } from '../../../lib/broker/rotation/key-token.ts';
import { createReadManager, type ManagerDeps } from '../../../lib/broker/rotation/manager.ts';
import type { RotationFault } from '../../../lib/broker/rotation/rotated-key.ts';
import { createSteps, type RunStep } from '../../../lib/broker/rotation/steps.ts';
import type { SecretVersions } from '../../../lib/broker/rotation/versions.ts';
import { systemClock } from '../../../lib/compose/journal.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { ok, type Result } from '../../../lib/core/result.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { createKeyPair } from '../../../lib/zitadel/key-pair.ts';
import { DEFAULT_PORT } from '../../local/settings.ts';
import { type Deployment, OperationError, type TargetValues } from '../deployment.ts';
import { type OperatorSecrets, openSecrets } from './secrets.ts';
import { rotatedOf, usersOf } from './selection.ts';

/** What the actions on rotations share. */
export interface Context extends KeyTokenDeps, ManagerDeps {
  readonly deployment: Deployment;
  readonly secrets: OperatorSecrets;
  /** A step of a rotation, run here. */
  readonly runStep: RunStep;
  /** Prints a line of progress. */
  readonly note: (line: string) => void;
  /** The options of this command that select the deployment. */
  readonly place: string;
  /** The command that does something else with a secret, for the operator to copy. */
  readonly again: (secret: string, action: string) => string;
  /** The call of the AWS CLI on a secret, for the operator to copy. */
  readonly awsCli: (command: string, secret: string, options: string) => string;
}

/** Replacements for tests. */
export interface Replacements {
  readonly clock?: Clock;
  readonly note?: (line: string) => void;
}

/** The value of a success. @throws {OperationError} with the reason of a failure */
export function must<T>(result: Result<T, RotationFault>, what: string): T {
  if (result.ok) return result.value;
  throw new OperationError(`${what}: ${result.error.detail}`);
}

/** The secrets as the steps of a rotation see them; failures are thrown. */
const asVersions = ({ list, read, write, move }: OperatorSecrets): SecretVersions => ({
  list: async (secret) => ok((await list(secret)).map(({ id, labels: stages }) => ({ id, stages }))),
  read: async (secret, id) => ok(await read(secret, id)),
  write: async (secret, id, text) => {
    await write(secret, id, text);
    return ok('written');
  },
  move: async (secret, stage, versions) => ok(await move(secret, stage, versions)),
});

const printNote = (line: string) => void process.stderr.write(`${line}\n`);

/** Creates the context of one run of the command. */
export function createContext(
  deployment: Deployment,
  { stage, region, port }: TargetValues,
  { clock = systemClock, note = printNote }: Replacements,
): Context {
  const { profiles, local } = deployment;
  const secrets = openSecrets(deployment);
  const send = createTransport({ clock, allowLoopbackHttp: local !== undefined });
  const deps = { clock, uuid: randomUUID, send };
  const openKeys = createOpenKeys({ ...deps, createKeyPair });
  const store = { read: async (name: string) => ok((await secrets.read(name)) ?? redacted('')) };
  const readManager = createReadManager({ clock, secrets: store }, profiles);
  const more = port === String(DEFAULT_PORT) ? '' : ` --port ${port}`;
  const place =
    local === undefined ? `--stage ${stage}${region === undefined ? '' : ` --region ${region}`}` : `--local${more}`;

  return {
    ...deps,
    deployment,
    secrets,
    openKeys,
    readManager,
    runStep: createSteps({ ...deps, versions: asVersions(secrets), openKeys, readManager }),
    note,
    place,
    again(secret, action) {
      const [profile = ''] = usersOf(profiles, secret);
      const which = rotatedOf(profiles, profile).length > 1 ? ` --secret ${secret}` : '';
      return `npm run rotate -- ${place} --profile ${profile}${which} ${action}`;
    },
    awsCli(command, secret, options) {
      const endpoint = local === undefined ? '' : ` --endpoint-url ${local.secretsManagerUrl}`;
      const { region: where } = deployment;
      return `aws secretsmanager ${command} --region ${where}${endpoint} --secret-id ${secret} ${options}`;
    },
  };
}
