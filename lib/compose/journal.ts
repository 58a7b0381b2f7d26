import { createExpiries, type Expiries } from '../broker/credentials/expiries.ts';
import { createHealth, type Health } from '../broker/credentials/health.ts';
import type { Clock } from '../core/clock.ts';
import { instant } from '../core/time.ts';
import { createLog, type Log } from '../http/log.ts';

/** Clock and log, which every function needs. */
export interface Journal {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly expiries: Expiries;
  /** Whether this is the local stack. */
  readonly isLocal: boolean;
}

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => instant(Date.now()),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Builds the journal of a sandbox. Lines go to standard output, which Lambda sends to CloudWatch. */
export function createJournal(
  env: Readonly<Record<string, string | undefined>>,
  {
    clock = systemClock,
    write = (line) => void process.stdout.write(`${line}\n`),
  }: { clock?: Clock; write?: (line: string) => void },
): Journal {
  const isByProfile = env.METRICS_BY_PROFILE === 'true';
  const log = createLog(env.METRICS_NAMESPACE ?? 'zitadel-token-broker', write, { isByProfile });
  const isLocal = env.BROKER_LOCAL === 'true';
  return { clock, log, health: createHealth(clock), expiries: createExpiries(clock), isLocal };
}
