import { SECOND_MS } from '../../../lib/core/time.ts';
import type { FaultKind } from './faults.ts';
import type { Item } from './plan.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedSecrets } from './secrets.ts';
import type { Zitadel } from './zitadel.ts';

/** A new key may be refused for a moment: ZITADEL's reads lag its writes. */
const SETTLING_MS = 1.5 * SECOND_MS;

export interface RotateDeps {
  readonly scheduler: Scheduler;
  readonly zitadel: Pick<Zitadel, 'rotate'>;
  readonly secrets: Pick<SimulatedSecrets, 'put'>;
  readonly count: (fault: FaultKind) => void;
}

/** Creates what an operator does to secrets, mistakes included; each is right again after its time. */
export function createRotate({ scheduler, zitadel, secrets, count }: RotateDeps) {
  const versions = new Map<string, number>();

  return ({ secret, rotation, durationMs }: Extract<Item, { kind: 'rotate' }>): void => {
    const before = versions.get(secret) ?? 1;
    const mend = () => secrets.put(secret, versions.get(secret) ?? 1);
    const mendLater = () => scheduler.at(scheduler.now() + durationMs, mend);
    const renew = (settlingMs: number) => {
      versions.set(secret, before + 1);
      zitadel.rotate(secret, before + 1, scheduler.now() + settlingMs);
    };
    switch (rotation) {
      case 'changed':
        count('secret_changed');
        renew(0);
        mendLater();
        return;
      case 'too_new':
        count('key_too_new');
        renew(Math.min(durationMs, SETTLING_MS));
        mend();
        return;
      case 'garbled':
        count('secret_garbled');
        secrets.put(secret, 0);
        mendLater();
        return;
      case 'reverted':
        if (before === 1) return;
        count('secret_reverted');
        secrets.put(secret, before - 1);
        mendLater();
    }
  };
}
