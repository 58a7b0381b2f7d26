import type { Clock } from '../../core/clock.ts';
import { DAY_MS, type EpochMs, instant } from '../../core/time.ts';
import type { Credential } from '../../zitadel/credential.ts';

/** The credential that ends first, of those that a sandbox has read. */
export interface Expiring {
  /** As the profiles name it. */
  readonly secret: string;
  readonly daysLeft: number;
}

/** The ends of credentials, so that the log tells of each read once. */
export interface Expiries {
  readonly note: (secret: string, credential: Credential) => void;
  /** The first to end of those read since the last call; `undefined` if none was read, or none ends. */
  readonly take: () => Expiring | undefined;
}

/** ZITADEL writes "never" as the year 9999. */
const NEVER = instant(Date.UTC(9999, 0));

const TENTHS = 10;

/** Creates the ends of the credentials of one sandbox. */
export function createExpiries(clock: Clock): Expiries {
  let first: { readonly secret: string; readonly expiresAt: EpochMs } | undefined;
  return {
    note(secret, credential) {
      if (credential.kind === 'client_secret' || credential.expiresAt === undefined) return;
      const { expiresAt } = credential;
      if (expiresAt < NEVER && (first === undefined || expiresAt < first.expiresAt)) first = { secret, expiresAt };
    },
    take() {
      if (first === undefined) return undefined;
      const { secret, expiresAt } = first;
      first = undefined;
      const daysLeft = Math.max(0, Math.floor(((expiresAt - clock.now()) / DAY_MS) * TENTHS) / TENTHS);
      return { secret, daysLeft };
    },
  };
}
