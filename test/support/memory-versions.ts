import type { SecretFault } from '../../lib/broker/credentials/credentials.ts';
import type { SecretVersions } from '../../lib/broker/rotation/versions.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { fail, ok } from '../../lib/core/result.ts';

/** A version of the one secret that there is. */
export interface MemoryVersion {
  readonly stages: Set<string>;
  text?: string;
}

/** What a call comes to: refused before it is made, or made without its reply. */
export type VersionsFault = 'before' | 'after' | undefined;

/** The versions of one secret as a map; each call can fail. */
export interface MemoryVersions extends SecretVersions {
  readonly versions: Map<string, MemoryVersion>;
  readonly fault: (next: (call: keyof SecretVersions) => VersionsFault) => void;
}

/** A label that is not where the call says that it is. */
const REFUSED = Symbol('refused');

const AWAY: SecretFault = { kind: 'away', detail: 'InternalServiceError' };

/** Creates the versions of a secret whose current one is `old`; that of the rotation has no value yet, as at AWS. */
export function createMemoryVersions(current: string, rotation: string): MemoryVersions {
  const versions = new Map<string, MemoryVersion>([
    ['old', { stages: new Set(['AWSCURRENT']), text: current }],
    [rotation, { stages: new Set(['AWSPENDING']) }],
  ]);
  let faultOf: (call: keyof SecretVersions) => VersionsFault = () => undefined;

  async function called<T>(call: keyof SecretVersions, run: () => T) {
    const fault = faultOf(call);
    if (fault === 'before') return fail(AWAY);
    const value = run();
    if (value === REFUSED) return fail<SecretFault>({ kind: 'refused', detail: 'InvalidParameterException' });
    return fault === 'after' ? fail(AWAY) : ok(value as Exclude<T, typeof REFUSED>);
  }

  return {
    versions,
    fault: (next) => {
      faultOf = next;
    },
    list: () => called('list', () => [...versions].map(([id, { stages }]) => ({ id, stages: [...stages] }))),
    read: (_secret, id) =>
      called('read', () => {
        const text = versions.get(id)?.text;
        return text === undefined ? undefined : redacted(text);
      }),
    write: (_secret, id, text) =>
      called<'written' | 'taken'>('write', () => {
        const version = versions.get(id) ?? { stages: new Set() };
        if (version.text !== undefined && version.text !== text.reveal()) return 'taken';
        for (const { stages } of versions.values()) stages.delete('AWSPENDING');
        version.text = text.reveal();
        version.stages.add('AWSPENDING');
        versions.set(id, version);
        return 'written';
      }),
    move: (_secret, stage, { from, to }) =>
      called('move', () => {
        const holder = [...versions].find(([, { stages }]) => stages.has(stage))?.[0];
        if (holder !== from) return REFUSED;
        if (from !== undefined) versions.get(from)?.stages.delete(stage);
        if (to !== undefined) versions.get(to)?.stages.add(stage);
        // As Secrets Manager does, whoever moves AWSCURRENT.
        if (stage !== 'AWSCURRENT' || from === undefined) return undefined;
        for (const { stages } of versions.values()) stages.delete('AWSPREVIOUS');
        versions.get(from)?.stages.add('AWSPREVIOUS');
        return undefined;
      }),
  };
}
