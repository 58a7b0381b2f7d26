import type { SecretFault, SecretStore } from '../../../lib/broker/credentials/credentials.ts';
import { type Redacted, redacted } from '../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { DrawFault } from './faults.ts';
import type { Happening } from './happening.ts';
import type { Random } from './random.ts';
import { type Lane, NEVER, type Scheduler } from './scheduler.ts';
import { secretText } from './setting.ts';

/** As the adapter has it. */
const SECRET_MS = 2 * SECOND_MS;

/** The secret store of the simulation. */
export interface SimulatedSecrets {
  /** How one sandbox reaches it. */
  readonly connect: (sandbox: number, lane: Lane, random: Random) => SecretStore;
  /** Puts a version in place; 0 is no credential at all. */
  readonly put: (name: string, version: number) => void;
}

export interface SecretsDeps {
  readonly scheduler: Scheduler;
  readonly draw: DrawFault;
  readonly emit: (happening: Happening) => void;
}

const away = fail<SecretFault>({ kind: 'away', detail: 'InternalServiceError' });
const throttled = fail<SecretFault>({ kind: 'away', detail: 'ThrottlingException' });
const late = fail<SecretFault>({ kind: 'away', detail: 'TimeoutError' });

const textOf = (name: string, version: number): string =>
  version === 0 ? secretText(name, 1).slice(0, -1) : secretText(name, version);

/** Creates the store of one run. */
export function createSimulatedSecrets({ scheduler, draw, emit }: SecretsDeps): SimulatedSecrets {
  const versions = new Map<string, { readonly current: number; readonly previous: number }>();
  const find = (name: string) => versions.get(name) ?? { current: 1, previous: 1 };

  return {
    connect: (sandbox, lane, random) => ({
      read: (name) => {
        if (!lane.isAlive()) return NEVER;
        return new Promise<Result<Redacted<string>, SecretFault>>((resolve) => {
          const fault = draw('secrets', scheduler.now(), sandbox, random);
          if (fault !== undefined) emit({ kind: 'disturbed', at: scheduler.now(), why: `${name}: ${fault}` });
          const cancel = lane.clock.after(SECRET_MS, () => {
            emit({ kind: 'disturbed', at: scheduler.now(), why: `${name}: a time-out` });
            resolve(late);
          });
          const workMs = fault === 'secrets_slow' ? random.int(500, 3000) : random.int(5, 40);
          scheduler.at(scheduler.now() + workMs, () => {
            const { current, previous } = find(name);
            const text = textOf(name, fault === 'secrets_stale' ? previous : current);
            lane.receive(random.int(2, 20), () => {
              cancel();
              if (fault === 'secrets_away') resolve(away);
              else if (fault === 'secrets_throttled') resolve(throttled);
              else resolve(ok(redacted(text)));
            });
          });
        });
      },
    }),
    put(name, version) {
      versions.set(name, { current: version, previous: find(name).current });
      emit({ kind: 'disturbed', at: scheduler.now(), why: `${name}: another version` });
    },
  };
}
