import type { RotatedSecret } from '../../../lib/broker/profiles/rotation.ts';
import type { HolderKeys } from '../../../lib/broker/rotation/holder-keys.ts';
import { openManaged } from '../../../lib/broker/rotation/manager.ts';
import { markOf, parseExpiry, readMark } from '../../../lib/broker/rotation/mark.ts';
import type { RotatedKey, RotationFault } from '../../../lib/broker/rotation/rotated-key.ts';
import type { Stage } from '../../../lib/broker/rotation/versions.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { type Credential, parseCredential } from '../../../lib/zitadel/credential.ts';
import type { RegisteredKey } from '../../../lib/zitadel/keys.ts';
import { OperationError } from '../deployment.ts';
import type { Context } from './context.ts';
import type { SecretState, VersionInfo } from './secrets.ts';

/** A version of a secret, and what is in it. */
export interface Version extends VersionInfo {
  readonly credential?: Credential;
  /** Why it has no credential. */
  readonly problem?: string;
  /** It has no value: its rotation has not written it. */
  readonly isEmpty?: true;
}

/** The keys of the account or application that a secret's key belongs to. */
export interface Holder {
  readonly keys: HolderKeys;
  readonly listed: readonly RegisteredKey[];
}

/** Everything that an operator may know of a secret that rotates. */
export interface View {
  readonly rotated: RotatedSecret;
  readonly state: SecretState;
  /** The labelled ones first. */
  readonly versions: readonly Version[];
  readonly holder: Result<Holder, RotationFault>;
}

/** The key in a credential, if it is one. */
export const asKey = (credential: Credential | undefined): RotatedKey | undefined =>
  credential === undefined || credential.kind === 'client_secret' ? undefined : credential;

/** The id of the key in a version. */
export const keyIdOf = (version: Version | undefined): string | undefined => asKey(version?.credential)?.key.kid;

/** The version that has a label. */
export const versionOf = ({ versions }: Pick<View, 'versions'>, stage: Stage): Version | undefined =>
  versions.find(({ labels }) => labels.includes(stage));

/** The pending version of a rotation that has not ended: AWSPENDING on the current version means nothing. */
export function unfinishedOf(state: SecretState): string | undefined {
  const pending = state.holderOf('AWSPENDING');
  return pending === state.holderOf('AWSCURRENT') ? undefined : pending;
}

/** Who added a key at ZITADEL, by its mark: the rotation of this secret, that of another one, or a person. */
export function originOf({ expirationDate }: RegisteredKey, arn: string): 'rotation' | 'another' | 'hand' {
  const expiry = parseExpiry(expirationDate);
  const mark = expiry === undefined ? undefined : readMark(expiry);
  if (mark === undefined) return 'hand';
  return mark.secret === markOf(arn, '').secret ? 'rotation' : 'another';
}

/** Reads what a version holds. */
export async function readVersion({ secrets }: Context, secret: string, info: VersionInfo): Promise<Version> {
  const text = await secrets.read(secret, info.id);
  if (text === undefined) return { ...info, problem: 'no value yet', isEmpty: true };
  const parsed = parseCredential(text);
  if (parsed.ok) return { ...info, credential: parsed.value };
  return { ...info, problem: `an unusable credential: ${parsed.error.field} ${parsed.error.problem}` };
}

/** Reads the version AWSCURRENT. @throws {OperationError} if there is none */
export async function readCurrent(context: Context, secret: string, state: SecretState): Promise<Version> {
  const id = state.holderOf('AWSCURRENT');
  if (id !== undefined) return readVersion(context, secret, { id, labels: ['AWSCURRENT'] });
  throw new OperationError(`${secret} has no value yet: store the credential first (docs/secrets.md)`);
}

async function openHolder(
  context: Context,
  rotated: RotatedSecret,
  current: Version | undefined,
): Promise<Result<Holder, RotationFault>> {
  const credential = asKey(current?.credential);
  if (credential === undefined) return fail({ detail: 'AWSCURRENT holds no key' });
  const opened = await openManaged(context, rotated, credential);
  if (!opened.ok) return opened;
  const { keys } = opened.value;
  const listed = await keys.list();
  return listed.ok ? ok({ keys, listed: listed.value }) : listed;
}

/** AWSCURRENT, AWSPENDING, AWSPREVIOUS, then the versions without labels. */
const rankOf = ({ labels }: VersionInfo): string => [...labels].sort()[0] ?? '~';

/** Reads everything about a secret from Secrets Manager and ZITADEL. */
export async function readView(context: Context, rotated: RotatedSecret): Promise<View> {
  const { secret } = rotated;
  const state = await context.secrets.describe(secret);
  const infos = [...(await context.secrets.list(secret))].sort((a, b) => rankOf(a).localeCompare(rankOf(b)));
  const versions = await Promise.all(infos.map((info) => readVersion(context, secret, info)));
  return {
    rotated,
    state,
    versions,
    holder: await openHolder(context, rotated, versionOf({ versions }, 'AWSCURRENT')),
  };
}
