/** The label of the current version. If a secret has a value, exactly one version has this label. */
export const AWSCURRENT = 'AWSCURRENT';

/** The label of the version that a rotation makes. */
export const AWSPENDING = 'AWSPENDING';

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

/**
 * The version that a rotation has not finished: it has AWSPENDING, and is not current. The label stays where it is
 * after a rotation, so on the current version it means nothing.
 */
export function unfinishedVersion(staging: Staging): string | undefined {
  const pending = staging.get(AWSPENDING);
  return pending === staging.get(AWSCURRENT) ? undefined : pending;
}

/** The labels that are new in `next`, or on another version. EventBridge does not report AWSPENDING and AWSPREVIOUS. */
export function movedLabels(staging: Staging, next: Staging): readonly [label: string, versionId: string][] {
  return [...next].filter(
    ([label, versionId]) => label !== AWSPENDING && label !== AWSPREVIOUS && staging.get(label) !== versionId,
  );
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
