import type { Profile } from '../../../lib/broker/profiles/profile.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lib/core/time.ts';
import type { ShiftedClock } from '../shifted-clock.ts';
import type { Stack } from '../stack.ts';
import type { Intercept } from '../stand-in.ts';
import type { Fault } from '../zitadel/faults.ts';
import type { Zitadel } from '../zitadel/server.ts';

/** One thing that the page can do. All that the page shows of it is here. */
export interface Switch {
  readonly id: string;
  readonly label: string;
  readonly group: 'ZITADEL' | 'AWS' | 'Time and sandbox' | 'Chosen profile' | 'Requests' | 'Without IAM';
  /** Whether it is on; absent if it does something once. */
  readonly isOn?: (profile: Profile) => boolean;
  /** Why it cannot be used. */
  readonly obstacle?: (profile: Profile) => string | undefined;
  /** Does it, or undoes it if it is on. @returns what has happened */
  readonly run: (profile: Profile) => string | Promise<string>;
}

/** What the switches of the surroundings change. */
export interface Surroundings {
  readonly stack: Pick<Stack, 'table' | 'secretsManager' | 'restart'>;
  readonly clock: ShiftedClock;
  /** The stand-in, if it is the issuer of all profiles. */
  readonly zitadel: Zitadel | undefined;
}

const FAULTS: readonly (readonly [id: string, fault: Fault, label: string, means: string])[] = [
  ['zitadel-down', 'reset', 'ZITADEL down', 'closes every connection'],
  ['zitadel-slow', 'slow', 'ZITADEL slow', 'answers 3 s late, which is too late'],
  ['zitadel-500', 'database_away', 'ZITADEL answers 500', 'has lost its database'],
  ['zitadel-429', 'blocked', 'ZITADEL answers 429', 'blocks this instance'],
];

const STEPS: readonly (readonly [id: string, label: string, byMs: number])[] = [
  ['minute', 'Clock +1 min', MINUTE_MS],
  ['hour', 'Clock +1 h', HOUR_MS],
  ['eight-hours', 'Clock +8 h', 8 * HOUR_MS],
];

/** Whether something is only the page's to change: it is not, with an operator's own ZITADEL. */
export const ownZitadel = (zitadel: Zitadel | undefined, problem: string) => (): string | undefined =>
  zitadel === undefined ? `The profiles use your own ZITADEL: ${problem}.` : undefined;

/** The faults of ZITADEL, of which there is one at a time. */
function faultSwitches(zitadel: Zitadel | undefined): Switch[] {
  let current: Fault | undefined;
  return FAULTS.map(([id, fault, label, means]) => ({
    id,
    label,
    group: 'ZITADEL',
    isOn: () => current === fault,
    obstacle: ownZitadel(zitadel, 'this page cannot change it'),
    run() {
      current = current === fault ? undefined : fault;
      zitadel?.fault(current);
      return current === undefined ? 'ZITADEL works again.' : `ZITADEL now ${means}.`;
    },
  }));
}

const hangUp: Intercept = (req) => {
  req.destroy();
  return true;
};

/** Lets a service close every connection. */
function awaySwitch(id: string, name: string, service: { intercept: (fault: Intercept | undefined) => void }): Switch {
  let isAway = false;
  return {
    id,
    label: `${name} away`,
    group: 'AWS',
    isOn: () => isAway,
    run() {
      isAway = !isAway;
      service.intercept(isAway ? hangUp : undefined);
      return isAway ? `${name} closes every connection.` : `${name} works again.`;
    },
  };
}

/** The switches that concern all profiles. */
export function createSwitches({ stack, clock, zitadel }: Surroundings): readonly Switch[] {
  return [
    ...faultSwitches(zitadel),
    awaySwitch('table-away', 'Table', stack.table),
    awaySwitch('secrets-away', 'Secrets Manager', stack.secretsManager),
    ...STEPS.map(
      ([id, label, byMs]): Switch => ({
        id,
        label,
        group: 'Time and sandbox',
        obstacle: ownZitadel(zitadel, 'it does not follow this clock'),
        run() {
          clock.shift(byMs);
          return `The broker, ZITADEL and AWS are ${Math.round(clock.aheadMs() / MINUTE_MS)} min ahead of your clock.`;
        },
      }),
    ),
    {
      id: 'sandbox',
      label: 'New sandbox',
      group: 'Time and sandbox',
      run() {
        stack.restart();
        return 'A new sandbox serves the callers. Its memory is empty.';
      },
    },
  ];
}
