import { loggable } from '../../core/redacted.ts';
import type { Credential } from '../../zitadel/credential.ts';

/** Counts events since the last `take`, so that each event is reported exactly once. */
export interface Counter {
  readonly add: () => void;
  readonly take: () => number;
}

/** Creates a counter at 0. */
export function createCounter(): Counter {
  let count = 0;
  return {
    add: () => {
      count += 1;
    },
    take: () => {
      const taken = count;
      count = 0;
      return taken;
    },
  };
}

/** The ids of the keys that signed token requests since the last `take`, each once. Client secrets have none. */
export interface KeyIds {
  readonly note: (credential: Credential) => void;
  readonly take: () => readonly string[];
}

/** Creates key ids of which there are none yet. */
export function createKeyIds(): KeyIds {
  const noted = new Set<string>();
  return {
    note(credential) {
      if (credential.kind !== 'client_secret') noted.add(loggable(credential.key.kid));
    },
    take() {
      // Nearly every request finds none.
      if (noted.size === 0) return [];
      const taken = [...noted];
      noted.clear();
      return taken;
    },
  };
}
