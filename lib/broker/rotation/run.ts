import type { Clock } from '../../core/clock.ts';
import type { Result } from '../../core/result.ts';
import type { RotatedSecret } from '../profiles/rotation.ts';
import type { HolderKeys } from './holder-keys.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';
import type { SecretVersions } from './versions.ts';

/** One step of a rotation. */
export interface RotationRun {
  /** The secret's full ARN. */
  readonly secret: string;
  /** The `ClientRequestToken`: the id of the pending version. */
  readonly token: string;
  readonly rotated: RotatedSecret;
}

/** What the steps share. */
export interface StepDeps {
  readonly clock: Clock;
  readonly versions: SecretVersions;
  /** Opens the keys of the account or application that a key of this secret belongs to. */
  readonly openKeys: (run: RotationRun, credential: RotatedKey) => Promise<Result<HolderKeys, RotationFault>>;
}

/** What a step did, for the log. */
export interface StepDone {
  /** The key that the step was about. */
  readonly keyId: string;
  /** The step added it. */
  readonly isNew?: true;
  /** Nothing is pending: Secrets Manager tests the configuration with the current key. */
  readonly isDryRun?: true;
  /** The ids of keys that the step removed at ZITADEL. */
  readonly removed?: readonly string[];
  /** Why keys that are no longer needed could not be removed; the next rotation removes them. */
  readonly left?: string;
}
