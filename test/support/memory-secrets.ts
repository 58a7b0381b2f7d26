import type { SecretFault, SecretStore } from '../../lib/broker/credentials/credentials.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { fail, ok } from '../../lib/core/result.ts';

/** A secret store as a map, which counts its reads and fails when told to. */
export interface MemorySecrets extends SecretStore {
  readonly put: (name: string, text: string) => void;
  readonly reads: () => number;
  /** Every read fails so from now on; `undefined` ends it. */
  readonly fault: (fault: SecretFault | undefined) => void;
}

/** Creates an empty one. */
export function createMemorySecrets(): MemorySecrets {
  const secrets = new Map<string, string>();
  let reads = 0;
  let current: SecretFault | undefined;
  return {
    put: (name, text) => void secrets.set(name, text),
    reads: () => reads,
    fault: (next) => {
      current = next;
    },
    async read(name) {
      reads += 1;
      if (current !== undefined) return fail(current);
      const text = secrets.get(name);
      return text === undefined ? fail({ kind: 'refused', detail: 'ResourceNotFoundException' }) : ok(redacted(text));
    },
  };
}
