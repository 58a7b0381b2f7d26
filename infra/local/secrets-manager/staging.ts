/** The label of the current version. If a secret has versions, exactly one has this label. */
export const AWSCURRENT = 'AWSCURRENT';

/** The label of the previous version. */
const AWSPREVIOUS = 'AWSPREVIOUS';

/** Maps each staging label to the id of its only version. A version without a label is deprecated. */
export type Staging = ReadonlyMap<string, string>;

/**
 * Moves `label` to `versionId`. When AWSCURRENT moves, AWSPREVIOUS moves to the version that had it.
 */
export function attach(staging: Staging, label: string, versionId: string): Staging {
  const holder = staging.get(label);
  const next = new Map(staging).set(label, versionId);
  if (label === AWSCURRENT && holder !== undefined && holder !== versionId) next.set(AWSPREVIOUS, holder);
  return next;
}

/** Removes `label` from its version. */
export function detach(staging: Staging, label: string): Staging {
  return new Map([...staging].filter(([attached]) => attached !== label));
}

/** The labels of one version, sorted. */
export function labelsOf(staging: Staging, versionId: string): readonly string[] {
  return [...staging]
    .filter(([, holder]) => holder === versionId)
    .map(([label]) => label)
    .sort();
}

/** `VersionIdsToStages` of DescribeSecret: every version that is not deprecated, with its labels. */
export function byVersion(staging: Staging): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...new Set(staging.values())].map((id) => [id, labelsOf(staging, id)]));
}
