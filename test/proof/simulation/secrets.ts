import type { SecretFault, SecretStore } from '../../../lib/broker/credentials/credentials.ts';
import { type Redacted, redacted } from '../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { Random } from '../runner/random.ts';
import type { Lane } from '../runner/scheduler.ts';
import type { Item } from './plan.ts';
import { secretText } from './setting.ts';
import type { BrokerStage } from './world.ts';
import type { Zitadel } from './zitadel.ts';

/** What Secrets Manager does to reads; `secrets_stale` answers with the version before the current one. */
export const SECRET_FAULTS = ['secrets_away', 'secrets_throttled', 'secrets_slow', 'secrets_stale'] as const;

/** As the adapter has it. */
export const SECRET_MS = 2 * SECOND_MS;

const away = (detail: string) => fail<SecretFault>({ kind: 'away', detail });

const textOf = (name: string, version: number): string =>
  version === 0 ? secretText(name, 1).slice(0, -1) : secretText(name, version);

/** A new key may be refused for a moment: ZITADEL's reads lag its writes. */
const SETTLING_MS = 1.5 * SECOND_MS;

const FAULT_OF = {
  changed: 'secret_changed',
  reverted: 'secret_reverted',
  garbled: 'secret_garbled',
  too_new: 'key_too_new',
} as const;

/** The secret store of the simulation. */
export type SimulatedSecrets = ReturnType<typeof createSimulatedSecrets>;

/** Creates the store of one run. */
export function createSimulatedSecrets({ scheduler, draw, disturb, count }: BrokerStage, zitadel: Zitadel) {
  const versions = new Map<string, { readonly current: number; readonly previous: number }>();
  const find = (name: string) => versions.get(name) ?? { current: 1, previous: 1 };
  /** The version that is right. */
  const right = new Map<string, number>();

  /** Puts a version in place; 0 is no credential at all. */
  function put(name: string, version: number): void {
    versions.set(name, { current: version, previous: find(name).current });
    disturb(`${name}: another version`);
  }

  return {
    /** How one sandbox reaches it. */
    connect: (sandbox: number, lane: Lane, random: Random): SecretStore => ({
      read(name) {
        const late = () => {
          disturb(`${name}: a time-out`);
          return away('TimeoutError');
        };
        return lane.call<Result<Redacted<string>, SecretFault>>(SECRET_MS, late, (reply) => {
          const fault = draw('secrets', sandbox, random);
          if (fault !== undefined) disturb(`${name}: ${fault}`);
          const workMs = fault === 'secrets_slow' ? random.int(500, 3000) : random.int(5, 40);
          scheduler.at(scheduler.now() + workMs, () => {
            const { current, previous } = find(name);
            const text = textOf(name, fault === 'secrets_stale' ? previous : current);
            reply(random.int(2, 20), () => {
              if (fault === 'secrets_away') return away('InternalServiceError');
              return fault === 'secrets_throttled' ? away('ThrottlingException') : ok(redacted(text));
            });
          });
        });
      },
    }),
    /** What an operator does to a secret, mistakes included; it is right again after its time. */
    rotate({ secret, rotation, durationMs }: Item<'rotate'>): void {
      const version = right.get(secret) ?? 1;
      if (rotation === 'reverted' && version === 1) return;
      count(FAULT_OF[rotation]);
      const mend = () => put(secret, right.get(secret) ?? 1);
      if (rotation === 'garbled') put(secret, 0);
      else if (rotation === 'reverted') put(secret, version - 1);
      else {
        right.set(secret, version + 1);
        const settlingMs = rotation === 'too_new' ? Math.min(durationMs, SETTLING_MS) : 0;
        zitadel.rotate(secret, version + 1, scheduler.now() + settlingMs);
      }
      if (rotation === 'too_new') mend();
      else scheduler.at(scheduler.now() + durationMs, mend);
    },
  };
}
