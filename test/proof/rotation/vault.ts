import {
  attach,
  byVersion,
  detach,
  type Staging,
  unfinishedVersion,
} from '../../../infra/local/secrets-manager/staging.ts';

/** The version that has a label, and the one that gets it, if any. */
export interface Move {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** AWS Secrets Manager as a rotation sees it: a secret with versions and staging labels. Every change is made at once. */
export type VaultSecret = ReturnType<typeof createVaultSecret>;

/** Creates one secret. */
export function createVaultSecret() {
  /** The text of each version, if it has one yet. */
  const versions = new Map<string, string | undefined>();
  const wereCurrent = new Set<string>();
  let staging: Staging = new Map();

  function label(stage: string, id: string): void {
    staging = attach(staging, stage, id);
    if (stage === 'AWSCURRENT') wereCurrent.add(id);
  }

  return {
    /** The version with a label. */
    holder: (stage: string): string | undefined => staging.get(stage),
    /** The version with AWSPENDING, unless it is current. */
    pending: (): string | undefined => unfinishedVersion(staging),
    /** The versions that have a label. */
    list: () => Object.entries(byVersion(staging)).map(([id, stages]) => ({ id, stages })),
    /** Whether a version has ever been AWSCURRENT. */
    wasCurrent: (id: string): boolean => wereCurrent.has(id),
    text: (id: string | undefined): string | undefined => versions.get(id ?? ''),
    write(id: string, text: string, stage: string): 'written' | 'taken' {
      if ((versions.get(id) ?? text) !== text) return 'taken';
      versions.set(id, text);
      label(stage, id);
      return 'written';
    },
    /** Makes a version without a value, which gets AWSPENDING. */
    begin(id: string): void {
      versions.set(id, undefined);
      label('AWSPENDING', id);
    },
    /** Moves a label, as UpdateSecretVersionStage. @returns whether it is allowed */
    move(stage: string, { from, to }: Move): boolean {
      if (staging.get(stage) !== from) return false;
      const isAllowed = to === undefined ? stage !== 'AWSCURRENT' && from !== undefined : versions.has(to);
      if (!isAllowed) return false;
      if (to === undefined) staging = detach(staging, stage);
      else label(stage, to);
      return true;
    },
  };
}
