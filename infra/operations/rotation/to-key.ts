import { onlyExchanges, type Profile } from '../../../lib/broker/profiles/profile.ts';
import { rotatedSecrets } from '../../../lib/broker/profiles/rotation.ts';
import { isSameSecret, placeOf, splitSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import { isListed } from '../../../lib/broker/rotation/listed.ts';
import type { RotatedKey } from '../../../lib/broker/rotation/rotated-key.ts';
import { createTryKey } from '../../../lib/broker/rotation/trial.ts';
import type { ClientSecret, Credential } from '../../../lib/zitadel/credential.ts';
import { UsageError } from '../../local/settings.ts';
import { checkProfile, type Deployment, OperationError } from '../deployment.ts';
import { type Context, must } from './context.ts';
import { addFirstKey, findAccount } from './first-key.ts';
import type { SecretState } from './secrets.ts';
import { asKey, readCurrent, readVersion, unfinishedOf, type Version } from './view.ts';

/** The profiles that use a secret. */
const usersOf = ({ profiles }: Deployment, secret: string): readonly Profile[] =>
  [...profiles.values()].filter((profile) => isSameSecret(profile.secret, secret));

/**
 * The profile, if its secret may hold a key instead of its client secret.
 * @throws {UsageError} otherwise
 */
function checkAccount(deployment: Deployment, name: string): Profile {
  checkProfile(deployment, name);
  const profile = deployment.profiles.get(name) as Profile;
  const { secret } = profile;
  if (onlyExchanges(profile)) {
    throw new UsageError(`${name} exchanges tokens: its secret is of an application, and only an account gets a key`);
  }
  if (splitSecret(secret).member !== undefined) {
    throw new UsageError(
      `the secret of ${name} holds several credentials: first store this one in a secret of its own`,
    );
  }
  const region = placeOf(secret)?.region ?? deployment.region;
  if (region !== deployment.region) {
    throw new UsageError(
      `the secret of ${name} is in ${region}, where this deployment cannot rotate it: move it first`,
    );
  }
  const bound = usersOf(deployment, secret).filter(({ grant = 'jwt-bearer' }) => grant !== 'jwt-bearer');
  if (bound.length === 0) return profile;
  const names = bound.map((one) => one.name).join(', ');
  throw new UsageError(`first remove grant from ${names}, and deploy: a key cannot be used with that grant`);
}

/** The client secret in the current version. @throws {OperationError} if there is another credential */
function checkClientSecret(secret: string, { credential, problem }: Version): Credential & ClientSecret {
  if (credential?.kind === 'client_secret') return credential;
  const key = asKey(credential)?.key.kid;
  const what = key === undefined ? problem : `a key already, ${key}; nothing was changed`;
  throw new OperationError(`${secret} holds ${what}`);
}

/** The pending version, and the key in it. */
interface Pending {
  readonly id: string;
  readonly key: RotatedKey;
}

const holdsKeyOf = ({ credential }: Version, userId: string): RotatedKey | undefined => {
  const key = asKey(credential);
  return key?.kind === 'service_account_key' && key.userId === userId ? key : undefined;
};

/**
 * The key that an earlier run has stored. A pending version without a value is of a rotation, which cannot end while
 * AWSCURRENT is no key: another pending version replaces it.
 */
async function findPending(context: Context, secret: string, state: SecretState, userId: string) {
  const id = unfinishedOf(state);
  if (id === undefined) return undefined;
  const version = await readVersion(context, secret, { id, labels: [] });
  const key = holdsKeyOf(version, userId);
  if (key !== undefined) return { id, key };
  if (version.isEmpty) return undefined;
  throw new OperationError(
    `AWSPENDING of ${secret} holds something else than a key of the account ${userId}. To free it:\n  ${clearCommand(context, secret, id)}`,
  );
}

const clearCommand = ({ awsCli }: Context, secret: string, id: string): string =>
  awsCli('update-secret-version-stage', secret, `--version-stage AWSPENDING --remove-from-version-id ${id}`);

/** Tries the pending key for all that the profiles need, and makes it the current one. */
async function promote(context: Context, { secret, issuer }: Profile, { id, key }: Pending, current: string) {
  const { clock, openKeys, secrets, deployment } = context;
  const { kid } = key.key;
  const failed =
    `key ${kid} is in AWSPENDING, and AWSCURRENT is still the client secret. A second run goes on from there; ` +
    `this gives it up, and then remove the key at ZITADEL:\n  ${clearCommand(context, secret, id)}\nThe reason`;
  const trials = usersOf(deployment, secret).map(({ scopes }) => ({ kind: 'token', scopes }) as const);
  must(await createTryKey(context)({ issuer, credential: key }, trials), failed);
  const keys = must(await openKeys({ issuer, credential: key }), failed);
  // For safety: a removed key still obtains tokens for a moment.
  const isKnown = must(await isListed(clock, keys, kid), failed);
  if (!isKnown) throw new OperationError(`${failed}: ZITADEL does not list the key`);
  await secrets.move(secret, 'AWSCURRENT', { from: current, to: id }).catch((error: Error) => {
    throw new OperationError(`${failed}: ${error.message}`);
  });
  // Left there, the label would let a later rotation bring this version back after a change by hand.
  await secrets.move(secret, 'AWSPENDING', { from: id });
}

/** The action `--to-key`: the client secret of a service account is replaced by a key, which can rotate. */
export async function toKey(context: Context, name: string): Promise<string> {
  const { deployment, secrets, awsCli, note } = context;
  const profile = checkAccount(deployment, name);
  const { secret, issuer } = profile;
  const state = await secrets.describe(secret);
  const current = await readCurrent(context, secret, state);
  const account = await findAccount(context, issuer, checkClientSecret(secret, current));
  const { userId } = account;
  const everyMs = rotatedSecrets(deployment.profiles).find((rotated) => isSameSecret(rotated.secret, secret))?.everyMs;
  let pending = await findPending(context, secret, state, userId);
  if (pending === undefined) {
    const id = await addFirstKey(context, account, { secret, arn: state.arn, everyMs });
    const key = holdsKeyOf(await readVersion(context, secret, { id, labels: [] }), userId);
    if (key === undefined) throw new OperationError(`${secret}: version ${id} cannot be read yet: run this again`);
    pending = { id, key };
  }
  note(`${secret}: trying key ${pending.key.key.kid}`);
  await promote(context, profile, pending, current.id);
  const back = `--version-stage AWSCURRENT --move-to-version-id ${current.id} --remove-from-version-id ${pending.id}`;
  return [
    `${deployment.name}, ${secret}: key ${pending.key.key.kid} of the account ${userId} is AWSCURRENT.`,
    'Sandboxes use it within 5 minutes; callers notice nothing.',
    'The client secret is AWSPREVIOUS, and still good at ZITADEL. To go back to it:',
    `  ${awsCli('update-secret-version-stage', secret, back)}`,
    `After 5 minutes, remove it at ZITADEL: in the console, or DELETE /v2/users/${userId}/secret.`,
    everyMs === undefined
      ? 'To let the key rotate, add rotation: { every: 30d } to the profile, and deploy (docs/rotation.md).\n'
      : 'From now on, the key rotates.\n',
  ].join('\n');
}
