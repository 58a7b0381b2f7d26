import type { Overrides } from '../../../lib/compose/environment.ts';
import { createIntrospectFunction } from '../../../lib/compose/introspect.ts';
import { createTokenFunctions, type TokenFunctions } from '../../../lib/compose/tokens.ts';
import type { GatewayHandler } from '../../../lib/http/endpoint.ts';
import type { Lane } from '../runner/scheduler.ts';
import type { FaultKind } from './faults.ts';
import type { Item } from './plan.ts';
import type { SimulatedSecrets } from './secrets.ts';
import { type Deployment, PROFILES } from './setting.ts';
import type { SimulatedTable } from './table.ts';
import type { BrokerStage } from './world.ts';
import type { Zitadel } from './zitadel.ts';

/** Requests per second that one caller may send to one sandbox; ordinary callers stay below twice as many at once. */
export const CALLER_RATE = 60;
export const ENVIRONMENT = { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'simulation', CALLER_RATE: String(CALLER_RATE) };

/** Makes ids that nobody else makes. */
export function idsOf(name: string): () => string {
  let ids = 0;
  return () => {
    ids += 1;
    return `${name} ${ids}`;
  };
}

/** A sandbox that is running: the real functions, on a clock of its own. */
export interface Process {
  readonly lane: Lane;
  readonly deployment: Deployment;
  readonly functions: TokenFunctions;
  /** A function of its own, which shares nothing with the others but the sandbox's fate. */
  readonly introspect: GatewayHandler;
}

/** What each sandbox reaches. */
export interface Services {
  readonly zitadel: Zitadel;
  readonly table: SimulatedTable;
  readonly secrets: SimulatedSecrets;
  /** By how many milliseconds each sandbox's clock is ahead. */
  readonly skews: ReadonlyMap<number, number>;
  /** Takes each line of log. */
  readonly write: (line: string) => void;
}

const FAULT_OF = {
  with_lease: 'killed_with_lease',
  in_request: 'killed_in_request',
  before_publishing: 'killed_before_publishing',
} as const;

/** The sandboxes of a run, by their number; each is started again after it has died. */
export type Sandboxes = ReturnType<typeof createSandboxes>;

/** Creates the sandboxes of one run. */
export function createSandboxes({ scheduler, random, disturb, count }: BrokerStage, services: Services) {
  const { zitadel, table, secrets, skews, write } = services;
  const processes = new Map<number, Process>();
  const doomed = new Map<number, keyof typeof FAULT_OF>();
  let starts = 0;
  let isDeployed = false;

  /** The process of a sandbox, if it is alive. */
  function living(sandbox: number): Process | undefined {
    const process = processes.get(sandbox);
    return process?.lane.isAlive() ? process : undefined;
  }

  function killNow(sandbox: number, fault: FaultKind): void {
    const lane = living(sandbox)?.lane;
    if (lane === undefined) return;
    lane.kill();
    count(fault);
    disturb(`${lane.name} killed`);
  }

  function die(sandbox: number, moment: keyof typeof FAULT_OF): void {
    if (doomed.get(sandbox) !== moment) return;
    doomed.delete(sandbox);
    killNow(sandbox, FAULT_OF[moment]);
  }

  function start(sandbox: number): Process {
    starts += 1;
    const name = `sandbox ${sandbox}.${starts}`;
    const lane = scheduler.lane(name, skews.get(sandbox) ?? 0);
    const own = random.fork(name);
    const send = zitadel.connect(sandbox, lane, own.fork('zitadel'));
    const deployment: Deployment = isDeployed && sandbox % 2 === 0 ? 'after' : 'before';
    const overrides: Overrides = {
      clock: lane.clock,
      random: own.fork('jitter').next,
      uuid: idsOf(name),
      write: (line) => {
        if (lane.isAlive()) write(line);
      },
      secrets: secrets.connect(sandbox, lane, own.fork('secrets')),
      table: table.connect(sandbox, lane, own.fork('table'), () => die(sandbox, 'with_lease')),
      send: async (request) => {
        if (doomed.get(sandbox) === 'in_request')
          scheduler.at(scheduler.now() + own.int(1, 60), () => die(sandbox, 'in_request'));
        const outcome = await send(request);
        die(sandbox, 'before_publishing');
        return outcome;
      },
    };
    let introspect: GatewayHandler | undefined;
    return {
      lane,
      deployment,
      functions: createTokenFunctions(PROFILES[deployment], ENVIRONMENT, overrides),
      introspect: (...invocation: Parameters<GatewayHandler>) => {
        introspect ??= createIntrospectFunction(PROFILES[deployment], ENVIRONMENT, overrides);
        return introspect(...invocation);
      },
    };
  }

  return {
    /** Runs something in a sandbox: in a new process where the last one has died. */
    invoke(sandbox: number, run: (process: Process) => void): void {
      const process = living(sandbox) ?? start(sandbox);
      processes.set(sandbox, process);
      process.lane.receive(0, () => run(process));
    },
    kill({ sandbox, moment, events }: Item<'kill'>): void {
      if (moment === 'now') killNow(sandbox, 'killed');
      else if (moment !== 'at_await') doomed.set(sandbox, moment);
      else {
        const lane = processes.get(sandbox)?.lane;
        lane?.killAfter(events, () => {
          count('killed_at_await');
          disturb(`${lane.name} killed`);
        });
      }
    },
    freeze({ sandbox, durationMs }: Item<'freeze'>, fault: FaultKind): void {
      const lane = living(sandbox)?.lane;
      if (lane === undefined || lane.isFrozen()) return;
      count(fault);
      disturb(`${lane.name} frozen`);
      scheduler.at(scheduler.now() + durationMs, () => disturb(`${lane.name} awake`));
      lane.freeze(durationMs);
    },
    /** Half of the sandboxes start anew, with other profiles or back with the old; what they had under way goes on. */
    deploy({ isBack }: Item<'deploy'>): void {
      if (isDeployed !== isBack) return;
      isDeployed = !isBack;
      count(isBack ? 'rolled_back' : 'deployed');
      disturb('a deployment');
      for (const sandbox of processes.keys()) if (sandbox % 2 === 0) processes.delete(sandbox);
    },
    /** From now on nobody dies who has not died yet. */
    spare(): void {
      doomed.clear();
      for (const { lane } of processes.values()) lane.killAfter(Number.POSITIVE_INFINITY, () => undefined);
    },
  };
}
