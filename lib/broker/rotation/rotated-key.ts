import { fail, ok, type Result } from '../../core/result.ts';
import { type Credential, parseCredential } from '../../zitadel/credential.ts';
import type { SecretVersion, SecretVersions, Stage } from './versions.ts';

/** Why a part of a rotation failed, safe to log. */
export interface RotationFault {
  readonly detail: string;
}

/** The key of a service account or of an application, parsed from a version of its secret. */
export type RotatedKey = Exclude<Credential, { kind: 'client_secret' }>;

/** The id of the version that has a label. */
export const holderOf = (versions: readonly SecretVersion[], stage: Stage): string | undefined =>
  versions.find(({ stages }) => stages.includes(stage))?.id;

/**
 * The credential in a version; `undefined` if the version has no value yet.
 * @param label names the version in a fault
 */
export async function readVersion(
  versions: SecretVersions,
  secret: string,
  id: string,
  label: string,
): Promise<Result<Credential | undefined, RotationFault>> {
  const text = await versions.read(secret, id);
  if (!text.ok) return fail({ detail: `reading ${label}: ${text.error.detail}` });
  if (text.value === undefined) return ok(undefined);
  const parsed = parseCredential(text.value);
  return parsed.ok ? parsed : fail({ detail: `${label}: ${parsed.error.field} ${parsed.error.problem}` });
}

/** The key in a version, which is a fault if the version has another credential. */
export async function readKey(
  versions: SecretVersions,
  secret: string,
  id: string,
  label: string,
): Promise<Result<RotatedKey | undefined, RotationFault>> {
  const found = await readVersion(versions, secret, id, label);
  if (!found.ok) return found;
  const { value } = found;
  if (value?.kind !== 'client_secret') return ok(value);
  const advice = 'npm run rotate -- --to-key PROFILE replaces it with a key';
  return fail({ detail: `${label} is a client secret, which has no successor beside it: ${advice}` });
}

/** Moves or removes a label; success also if another run of the same step has done so meanwhile. */
export async function moveLabel(
  versions: SecretVersions,
  secret: string,
  stage: Stage,
  { from, to }: { readonly from?: string; readonly to?: string },
): Promise<Result<void, RotationFault>> {
  const moved = await versions.move(secret, stage, { ...(from && { from }), ...(to && { to }) });
  if (moved.ok || moved.error.kind !== 'refused') return moved;
  const listed = await versions.list(secret);
  const holder = listed.ok ? holderOf(listed.value, stage) : from;
  return holder === to || (to === undefined && holder !== from) ? ok(undefined) : moved;
}

/** The versions of a secret. */
export async function listVersions(
  versions: SecretVersions,
  secret: string,
): Promise<Result<readonly SecretVersion[], RotationFault>> {
  const listed = await versions.list(secret);
  return listed.ok ? listed : fail({ detail: `the versions of the secret: ${listed.error.detail}` });
}

/** The versions of a secret, and the key in AWSCURRENT. */
export interface Current {
  readonly listed: readonly SecretVersion[];
  readonly currentId: string;
  readonly current: RotatedKey;
}

/** Reads the key that a rotation replaces. */
export async function readCurrent(versions: SecretVersions, secret: string): Promise<Result<Current, RotationFault>> {
  const listed = await listVersions(versions, secret);
  if (!listed.ok) return listed;
  const currentId = holderOf(listed.value, 'AWSCURRENT');
  if (currentId === undefined) return fail({ detail: 'the secret has no version AWSCURRENT' });
  const current = await readKey(versions, secret, currentId, 'AWSCURRENT');
  if (!current.ok) return current;
  if (current.value === undefined) return fail({ detail: 'AWSCURRENT has no value' });
  return ok({ listed: listed.value, currentId, current: current.value });
}
