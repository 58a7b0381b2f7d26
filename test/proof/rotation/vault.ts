/** A version of a secret. */
interface Version {
  readonly id: string;
  wasCurrent?: true;
  text?: string;
}

/** AWS Secrets Manager as a rotation sees it: secrets with versions and staging labels. Every change is made at once. */
export interface Vault {
  readonly labels: (arn: string) => ReadonlyMap<string, string>;
  readonly versions: (arn: string) => readonly { readonly id: string; readonly stages: readonly string[] }[];
  /** Whether a version has ever been AWSCURRENT. */
  readonly wasCurrent: (arn: string, id: string | undefined) => boolean;
  readonly text: (arn: string, id: string | undefined) => string | undefined;
  readonly write: (arn: string, id: string, text: string, stage: string) => 'written' | 'taken';
  /** A version without a value, which gets AWSPENDING. */
  readonly begin: (arn: string, id: string) => void;
  /** Moves a label, as UpdateSecretVersionStage. @returns whether it is allowed */
  readonly move: (
    arn: string,
    stage: string,
    versions: { from?: string | undefined; to?: string | undefined },
  ) => boolean;
}

/** Creates the secrets of one run. */
export function createVault(): Vault {
  const secrets = new Map<string, { versions: Map<string, Version>; labels: Map<string, string> }>();
  const find = (arn: string) => {
    const known = secrets.get(arn) ?? { versions: new Map<string, Version>(), labels: new Map<string, string>() };
    secrets.set(arn, known);
    return known;
  };
  function attach(arn: string, stage: string, id: string): void {
    const { labels } = find(arn);
    const before = labels.get(stage);
    if (before === id) return;
    labels.set(stage, id);
    const version = find(arn).versions.get(id);
    if (stage === 'AWSCURRENT' && version !== undefined) version.wasCurrent = true;
    if (stage === 'AWSCURRENT' && before !== undefined) labels.set('AWSPREVIOUS', before);
  }
  return {
    labels: (arn) => find(arn).labels,
    versions(arn) {
      const { labels } = find(arn);
      const ids = [...new Set(labels.values())];
      return ids.map((id) => ({
        id,
        stages: [...labels].flatMap(([stage, holder]) => (holder === id ? [stage] : [])),
      }));
    },
    wasCurrent: (arn, id) => find(arn).versions.get(id ?? '')?.wasCurrent === true,
    text: (arn, id) => (id === undefined ? undefined : find(arn).versions.get(id)?.text),
    write(arn, id, text, stage) {
      const { versions } = find(arn);
      const version = versions.get(id) ?? { id };
      if (version.text !== undefined && version.text !== text) return 'taken';
      version.text = text;
      versions.set(id, version);
      attach(arn, stage, id);
      return 'written';
    },
    begin(arn, id) {
      find(arn).versions.set(id, { id });
      attach(arn, 'AWSPENDING', id);
    },
    move(arn, stage, { from, to }) {
      const { labels, versions } = find(arn);
      const holder = labels.get(stage);
      if (holder !== from) return false;
      if (to === undefined) return stage !== 'AWSCURRENT' && labels.delete(stage);
      if (!versions.has(to)) return false;
      attach(arn, stage, to);
      return true;
    },
  };
}
