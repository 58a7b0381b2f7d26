import type { SecretFault } from '../../../lib/broker/credentials/credentials.ts';
import { REQUEST_MS } from '../../../lib/core/limits.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import type { OAuthAnswer, TransportFault } from '../../../lib/oauth/transport.ts';
import type { Random } from '../runner/random.ts';
import type { Lane, Scheduler } from '../runner/scheduler.ts';
import { SECRET_MS } from '../simulation/secrets.ts';
import type { CallFault } from './plan.ts';

export type ServiceName = 'zitadel' | 'secrets';

/** A process that makes calls. */
export interface Caller {
  readonly lane: Lane;
  readonly own: Random;
  /** Decides what a call meets. */
  readonly draw: () => CallFault | undefined;
  readonly crash: () => void;
}

/** A service that is called: how it fails, how long its callers wait, and how long a call and a reply take. */
interface Service<T> {
  readonly name: ServiceName;
  readonly late: T;
  readonly away: T;
  readonly refused: T;
  readonly limitMs: number;
  readonly thereMs: readonly [number, number];
  readonly backMs: readonly [number, number];
}

const secretFault = (detail: string) => fail<SecretFault>({ kind: 'away', detail });

export const SECRETS_MANAGER: Service<Result<never, SecretFault>> = {
  name: 'secrets',
  late: secretFault('TimeoutError'),
  away: secretFault('InternalServiceError'),
  refused: secretFault('InternalServiceError'),
  limitMs: SECRET_MS,
  thereMs: [2, 40],
  backMs: [2, 20],
};

export const ZITADEL: Service<Result<OAuthAnswer, TransportFault>> = {
  name: 'zitadel',
  late: fail({ kind: 'timeout', detail: 'total' }),
  away: fail({ kind: 'unreachable', detail: 'ECONNREFUSED' }),
  refused: ok({ status: 503, headers: {}, body: 'busy' }),
  limitMs: REQUEST_MS,
  thereMs: [5, 60],
  backMs: [5, 60],
};

/** Creates what makes a call of a service, with the faults of one run. `run` is what the service does. */
export const createCall =
  ({ now, at }: Scheduler, isAway: (name: ServiceName) => boolean) =>
  <T>(caller: Caller, service: Service<T>, run: () => T | Promise<T>): Promise<T> => {
    const { lane, own, draw, crash } = caller;
    const { name, late, refused, limitMs, thereMs, backMs } = service;
    return lane.call(
      limitMs,
      () => late,
      (reply) => {
        const fault = draw();
        at(now() + own.int(...thereMs), async () => {
          if (fault === 'call_lost') return;
          const isDown = isAway(name);
          const value = isDown ? service.away : fault === 'call_refused' ? refused : await run();
          if (fault === 'reply_lost') return;
          if (fault === 'crashed') crash();
          else reply(own.int(...backMs), () => value);
        });
      },
    );
  };
