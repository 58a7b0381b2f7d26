import { fail, ok, type Result } from '../../core/result.ts';
import { type Credential, parseCredential } from '../../zitadel/credential.ts';
import type { SecretVersion, SecretVersions, Stage } from './versions.ts';

/** Why a part of a rotation failed, safe to log. */
export interface RotationFault {
  readonly detail: string;
}

/** The key of a service account, parsed from a version of its secret. */
export type RotatedKey = Extract<Credential, { kind: 'service_account_key' }>;

/** The id of the version that has a label. */
export const holderOf = (versions: readonly SecretVersion[], stage: Stage): string | undefined =>
  versions.find(({ stages }) => stages.includes(stage))?.id;

/**
 * The key in a version; `undefined` if the version has no value yet.
 * @param label names the version in a fault
 */
export async function readKey(
  versions: SecretVersions,
  secret: string,
  id: string,
  label: string,
): Promise<Result<RotatedKey | undefined, RotationFault>> {
  const text = await versions.read(secret, id);
  if (!text.ok) return fail({ detail: `reading ${label}: ${text.error.detail}` });
  if (text.value === undefined) return ok(undefined);
  const parsed = parseCredential(text.value);
  if (!parsed.ok) return fail({ detail: `${label}: ${parsed.error.field} ${parsed.error.problem}` });
  if (parsed.value.kind === 'service_account_key') return ok(parsed.value);
  return fail({ detail: `${label}: it is not the key of a service account` });
}

/** The ids of all keys that a labelled version names. A version that cannot be read is a fault: it may name any key. */
export async function namedKeys(
  versions: SecretVersions,
  secret: string,
  listed: readonly SecretVersion[],
): Promise<Result<ReadonlySet<string>, RotationFault>> {
  const named = new Set<string>();
  for (const { id, stages } of listed) {
    if (stages.length === 0) continue;
    const key = await readKey(versions, secret, id, stages.join(', '));
    if (!key.ok) return key;
    if (key.value !== undefined) named.add(key.value.key.kid);
  }
  return ok(named);
}
