/** A version of a secret. */
interface Version {
  wasCurrent?: true;
  text?: string;
}

/** The version that has a label, and the one that gets it, if any. */
export interface Move {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** AWS Secrets Manager as a rotation sees it: a secret with versions and staging labels. Every change is made at once. */
export type VaultSecret = ReturnType<typeof createVaultSecret>;

/** Creates one secret. */
export function createVaultSecret() {
  const versions = new Map<string, Version>();
  const labels = new Map<string, string>();

  function attach(stage: string, id: string): void {
    const before = labels.get(stage);
    if (before === id) return;
    labels.set(stage, id);
    const version = versions.get(id);
    if (stage !== 'AWSCURRENT') return;
    if (version !== undefined) version.wasCurrent = true;
    if (before !== undefined) labels.set('AWSPREVIOUS', before);
  }

  return {
    /** The version with a label. */
    holder: (stage: string): string | undefined => labels.get(stage),
    /** The version with AWSPENDING, unless it is current. */
    pending(): string | undefined {
      const pending = labels.get('AWSPENDING');
      return pending === labels.get('AWSCURRENT') ? undefined : pending;
    },
    /** The versions that have a label. */
    list: (): readonly { readonly id: string; readonly stages: readonly string[] }[] =>
      [...new Set(labels.values())].map((id) => ({
        id,
        stages: [...labels.keys()].filter((stage) => labels.get(stage) === id),
      })),
    /** Whether a version has ever been AWSCURRENT. */
    wasCurrent: (id: string): boolean => versions.get(id)?.wasCurrent === true,
    text: (id: string | undefined): string | undefined => versions.get(id ?? '')?.text,
    write(id: string, text: string, stage: string): 'written' | 'taken' {
      const version = versions.get(id) ?? {};
      if (version.text !== undefined && version.text !== text) return 'taken';
      versions.set(id, Object.assign(version, { text }));
      attach(stage, id);
      return 'written';
    },
    /** Makes a version without a value, which gets AWSPENDING. */
    begin(id: string): void {
      versions.set(id, {});
      attach('AWSPENDING', id);
    },
    /** Moves a label, as UpdateSecretVersionStage. @returns whether it is allowed */
    move(stage: string, { from, to }: Move): boolean {
      if (labels.get(stage) !== from) return false;
      if (to === undefined) return stage !== 'AWSCURRENT' && labels.delete(stage);
      if (!versions.has(to)) return false;
      attach(stage, to);
      return true;
    },
  };
}
