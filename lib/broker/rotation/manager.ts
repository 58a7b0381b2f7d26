import type { Clock } from '../../core/clock.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { Credential } from '../../zitadel/credential.ts';
import { createCredentials, type SecretStore } from '../credentials/credentials.ts';
import type { Profiles } from '../profiles/profile.ts';
import type { RotatedSecret } from '../profiles/rotation.ts';
import type { HolderKeys, OpenKeys } from './holder-keys.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';

/** The credential of the service account that manages the keys of applications, by the name of its profile. */
export type ReadManager = (profile: string) => Promise<Result<Credential, RotationFault>>;

export interface ManagerDeps {
  readonly openKeys: OpenKeys;
  readonly readManager: ReadManager;
}

/** The keys of a holder, and of an application, who manages them. */
export interface ManagedKeys {
  readonly keys: HolderKeys;
  readonly manager?: Credential;
}

/** Creates the way to the managers of the profiles. A secret is read anew each time: its key may rotate too. */
export function createReadManager(deps: { clock: Clock; secrets: SecretStore }, profiles: Profiles): ReadManager {
  return async (name) => {
    const held = await createCredentials(deps).get(profiles.get(name)?.secret ?? '');
    return held.ok ? ok(held.value.credential) : fail({ detail: `profile ${name}: ${held.error.detail}` });
  };
}

/** Opens the keys of a credential's holder: an account manages its own, and `by` those of an application. */
export async function openManaged(
  { openKeys, readManager }: ManagerDeps,
  { issuer, by }: Pick<RotatedSecret, 'issuer' | 'by'>,
  credential: RotatedKey,
): Promise<Result<ManagedKeys, RotationFault>> {
  const isOfAccount = credential.kind === 'service_account_key' || by === undefined;
  const manager = isOfAccount ? ok(undefined) : await readManager(by);
  if (!manager.ok) return manager;
  const managed = manager.value === undefined ? {} : { manager: manager.value };
  const keys = await openKeys({ issuer, credential, ...managed });
  return keys.ok ? ok({ keys: keys.value, ...managed }) : keys;
}
