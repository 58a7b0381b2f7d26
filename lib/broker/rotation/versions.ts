import type { Redacted } from '../../core/redacted.ts';
import type { Result } from '../../core/result.ts';
import type { SecretFault } from '../credentials/credentials.ts';

/** Staging labels of AWS Secrets Manager that a rotation moves. */
export type Stage = 'AWSCURRENT' | 'AWSPENDING' | 'AWSPREVIOUS';

/** A version of a secret. During a rotation, the pending one exists before it has a value. */
export interface SecretVersion {
  readonly id: string;
  /** Empty for a version that Secrets Manager may delete. */
  readonly stages: readonly string[];
}

/** The versions of a secret, as its rotation sees them. */
export interface SecretVersions {
  readonly list: (secret: string) => Promise<Result<readonly SecretVersion[], SecretFault>>;
  /** The text of a version; `undefined` if it has none. */
  readonly read: (secret: string, id: string) => Promise<Result<Redacted<string> | undefined, SecretFault>>;
  /**
   * Gives the pending version its value. A value is written once: `taken` if the version has another one.
   * @param id the `ClientRequestToken` of the rotation
   */
  readonly write: (
    secret: string,
    id: string,
    text: Redacted<string>,
  ) => Promise<Result<'written' | 'taken', SecretFault>>;
  /** Moves a label, or removes it if `to` is absent. */
  readonly move: (
    secret: string,
    stage: Stage,
    versions: { readonly from?: string; readonly to?: string },
  ) => Promise<Result<void, SecretFault>>;
}
