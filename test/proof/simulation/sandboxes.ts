import type { Overrides } from '../../../lib/compose/environment.ts';
import { createIntrospectFunction } from '../../../lib/compose/introspect.ts';
import { createTokenFunctions, type TokenFunctions } from '../../../lib/compose/tokens.ts';
import type { GatewayHandler } from '../../../lib/http/endpoint.ts';
import type { FaultKind } from './faults.ts';
import type { Happening } from './happening.ts';
import type { Moment } from './plan.ts';
import type { Random } from './random.ts';
import type { Lane, Scheduler } from './scheduler.ts';
import type { SimulatedSecrets } from './secrets.ts';
import { type Deployment, PROFILES } from './setting.ts';
import type { SimulatedTable } from './table.ts';
import type { Zitadel } from './zitadel.ts';

const ENVIRONMENT = { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'simulation' };

/** A sandbox that is running: the real functions, on a clock of its own. */
export interface Process {
  readonly lane: Lane;
  readonly functions: TokenFunctions;
  /** A function of its own, which shares nothing with the others but the sandbox's fate. */
  readonly introspect: GatewayHandler;
  readonly deployment: Deployment;
}

/** The sandboxes of a run, by their number; each is started again after it has died. */
export interface Sandboxes {
  /** Runs something in a sandbox: in a new process where the last one has died. */
  readonly invoke: (sandbox: number, run: (process: Process) => void) => void;
  readonly kill: (sandbox: number) => void;
  /** Lets a sandbox die as soon as a moment comes in it. */
  readonly doom: (sandbox: number, moment: Exclude<Moment, 'now' | 'at_await'>) => void;
  /** Lets a sandbox die in place of the `events`-th thing that happens in it. */
  readonly killAfter: (sandbox: number, events: number) => void;
  readonly freeze: (sandbox: number, durationMs: number, fault: FaultKind) => void;
  /** Half of the sandboxes start anew, with other profiles; what the old ones have under way goes on. */
  readonly deploy: () => void;
  /** From now on nobody dies who has not died yet. */
  readonly spare: () => void;
}

export interface SandboxesDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** By how many milliseconds each sandbox's clock is ahead. */
  readonly skews: ReadonlyMap<number, number>;
  readonly zitadel: Zitadel;
  readonly table: SimulatedTable;
  readonly secrets: SimulatedSecrets;
  readonly emit: (happening: Happening) => void;
  readonly count: (fault: FaultKind) => void;
  /** Takes each line of log. */
  readonly write: (line: string) => void;
}

const FAULT_OF = {
  with_lease: 'killed_with_lease',
  in_request: 'killed_in_request',
  before_publishing: 'killed_before_publishing',
} as const satisfies Record<Exclude<Moment, 'now' | 'at_await'>, FaultKind>;

/** Creates the sandboxes of one run. */
export function createSandboxes(deps: SandboxesDeps): Sandboxes {
  const { scheduler, random, skews, zitadel, table, secrets, emit, count, write } = deps;
  const processes = new Map<number, Process>();
  const doomed = new Map<number, keyof typeof FAULT_OF>();
  let starts = 0;
  let isDeployed = false;

  const disturb = (why: string) => emit({ kind: 'disturbed', at: scheduler.now(), why });

  function kill(sandbox: number, fault: FaultKind): void {
    const lane = processes.get(sandbox)?.lane;
    if (lane === undefined || !lane.isAlive()) return;
    lane.kill();
    count(fault);
    disturb(`${lane.name} killed`);
  }

  function die(sandbox: number, moment: keyof typeof FAULT_OF): void {
    if (doomed.get(sandbox) !== moment) return;
    doomed.delete(sandbox);
    kill(sandbox, FAULT_OF[moment]);
  }

  function start(sandbox: number): Process {
    starts += 1;
    const name = `sandbox ${sandbox}.${starts}`;
    const lane = scheduler.lane(name, skews.get(sandbox) ?? 0);
    const own = random.fork(name);
    const send = zitadel.connect(sandbox, lane, own.fork('zitadel'));
    let ids = 0;
    const deployment: Deployment = isDeployed && sandbox % 2 === 0 ? 'after' : 'before';
    const overrides: Overrides = {
      clock: lane.clock,
      random: own.fork('jitter').next,
      uuid: () => {
        ids += 1;
        return `${name} ${ids}`;
      },
      write: (line) => {
        if (lane.isAlive()) write(line);
      },
      secrets: secrets.connect(sandbox, lane, own.fork('secrets')),
      table: table.connect(sandbox, lane, own.fork('table'), () => die(sandbox, 'with_lease')),
      send: async (request) => {
        if (doomed.get(sandbox) === 'in_request') {
          scheduler.at(scheduler.now() + own.int(1, 60), () => die(sandbox, 'in_request'));
        }
        const outcome = await send(request);
        die(sandbox, 'before_publishing');
        return outcome;
      },
    };
    let introspect: GatewayHandler | undefined;
    const process = {
      lane,
      functions: createTokenFunctions(PROFILES[deployment], ENVIRONMENT, overrides),
      introspect: (...invocation: Parameters<GatewayHandler>) => {
        introspect ??= createIntrospectFunction(PROFILES[deployment], ENVIRONMENT, overrides);
        return introspect(...invocation);
      },
      deployment,
    };
    processes.set(sandbox, process);
    return process;
  }

  return {
    invoke(sandbox, run) {
      const known = processes.get(sandbox);
      const process = known?.lane.isAlive() ? known : start(sandbox);
      process.lane.receive(0, () => run(process));
    },
    kill: (sandbox) => kill(sandbox, 'killed'),
    doom: (sandbox, moment) => void doomed.set(sandbox, moment),
    killAfter(sandbox, events) {
      const lane = processes.get(sandbox)?.lane;
      lane?.killAfter(events, () => {
        count('killed_at_await');
        disturb(`${lane.name} killed`);
      });
    },
    freeze(sandbox, durationMs, fault) {
      const lane = processes.get(sandbox)?.lane;
      if (lane === undefined || !lane.isAlive() || lane.isFrozen()) return;
      count(fault);
      disturb(`${lane.name} frozen`);
      scheduler.at(scheduler.now() + durationMs, () => disturb(`${lane.name} awake`));
      lane.freeze(durationMs);
    },
    deploy() {
      isDeployed = true;
      count('deployed');
      disturb('a deployment');
      for (const sandbox of processes.keys()) if (sandbox % 2 === 0) processes.delete(sandbox);
    },
    spare() {
      doomed.clear();
      for (const { lane } of processes.values()) lane.killAfter(Number.POSITIVE_INFINITY, () => undefined);
    },
  };
}
