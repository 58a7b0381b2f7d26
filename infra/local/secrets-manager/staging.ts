/** The label of the version in use. Exactly one version of a secret that has versions carries it. */
export const AWSCURRENT = 'AWSCURRENT';

/** The label of the version that was in use before. */
const AWSPREVIOUS = 'AWSPREVIOUS';

/** Staging label → id of the one version that carries it. A version in no value is deprecated. */
export type Staging = ReadonlyMap<string, string>;

/**
 * Attaches `label` to `versionId`, taking it from whichever version has it. When AWSCURRENT changes hands, AWSPREVIOUS
 * goes to the version that lost it.
 */
export function attach(staging: Staging, label: string, versionId: string): Staging {
  const holder = staging.get(label);
  const next = new Map(staging).set(label, versionId);
  if (label === AWSCURRENT && holder !== undefined && holder !== versionId) next.set(AWSPREVIOUS, holder);
  return next;
}

/** Takes `label` away from whichever version has it. */
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
