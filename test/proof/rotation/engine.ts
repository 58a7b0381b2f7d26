import { SECOND_MS } from '../../../lib/core/time.ts';
import type { Random } from '../simulation/random.ts';
import type { Scheduler } from '../simulation/scheduler.ts';
import type { Plan, RotationFaultKind } from './plan.ts';
import { ARNS, type SecretName } from './setting.ts';
import type { Vault } from './vault.ts';

/** One invocation of the rotation function. */
export type Invoke = (secret: SecretName, event: object) => Promise<boolean>;

export interface EngineDeps {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly vault: Vault;
  readonly plan: Pick<Plan, 'attempts' | 'twiceShare'>;
  readonly invoke: Invoke;
  readonly count: (fault: RotationFaultKind) => void;
}

/** What Secrets Manager does about rotations. */
export interface Engine {
  /** RotateSecret. Resolves to whether it has finished; `undefined` if one is under way. */
  readonly rotate: (secret: SecretName) => Promise<boolean | undefined>;
  /** CancelRotateSecret: what is under way in the function goes on. */
  readonly cancel: (secret: SecretName) => void;
  /** RotateSecret with RotateImmediately false. Resolves to whether the test passed. */
  readonly dryRun: (secret: SecretName) => Promise<boolean | undefined>;
  /** Whether a step of a rotation runs. */
  readonly isBusy: (secret: SecretName) => boolean;
  /** From now on no step is run twice. */
  readonly calm: () => void;
}

const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;

/** Creates the rotations of one run. */
export function createEngine({ scheduler, random, vault, plan, invoke, count }: EngineDeps): Engine {
  /** The rotation that is under way, by its number. */
  const active = new Map<SecretName, number>();
  const running = new Map<SecretName, number>();
  let numbers = 0;
  let twiceShare = plan.twiceShare;

  const eventOf = (secret: SecretName, Step: string, token: string) => ({
    Step,
    SecretId: ARNS[secret],
    ClientRequestToken: token,
  });

  async function step(secret: SecretName, event: object): Promise<boolean> {
    running.set(secret, (running.get(secret) ?? 0) + 1);
    const isDone = await invoke(secret, event);
    running.set(secret, (running.get(secret) ?? 0) - 1);
    return isDone;
  }

  async function run(secret: SecretName, number: number, token: string): Promise<boolean> {
    for (const name of STEPS) {
      if (active.get(secret) !== number) return false;
      const event = eventOf(secret, name, token);
      const isTwice = random.chance(twiceShare);
      if (isTwice) {
        count('step_twice');
        const delayMs = random.chance(0.5) ? random.int(0, 200) : random.int(0, 30 * SECOND_MS);
        scheduler.at(scheduler.now() + delayMs, () => void step(secret, event));
      }
      if (!(await step(secret, event))) return false;
    }
    return true;
  }

  const isFree = (secret: SecretName): boolean => !active.has(secret);

  return {
    async rotate(secret) {
      if (!isFree(secret)) return undefined;
      numbers += 1;
      const number = numbers;
      active.set(secret, number);
      const labels = vault.labels(ARNS[secret]);
      const pending = labels.get('AWSPENDING');
      const isLeft = pending !== undefined && pending !== labels.get('AWSCURRENT');
      const token = isLeft ? pending : `rotation-${number}`;
      if (!isLeft) vault.begin(ARNS[secret], token);
      let isDone = false;
      for (let attempt = 0; attempt < plan.attempts && !isDone && active.get(secret) === number; attempt += 1) {
        isDone = await run(secret, number, token);
      }
      if (active.get(secret) === number) active.delete(secret);
      return isDone;
    },
    cancel(secret) {
      if (isFree(secret)) return;
      count('cancelled');
      active.delete(secret);
    },
    async dryRun(secret) {
      const arn = ARNS[secret];
      const current = vault.labels(arn).get('AWSCURRENT');
      if (!isFree(secret) || current === undefined) return undefined;
      const pending = vault.labels(arn).get('AWSPENDING');
      if (pending !== undefined && pending !== current) return undefined;
      numbers += 1;
      active.set(secret, numbers);
      count('dry_run');
      vault.move(arn, 'AWSPENDING', { from: pending, to: current });
      const isPassed = await step(secret, eventOf(secret, 'testSecret', current));
      vault.move(arn, 'AWSPENDING', { from: current });
      active.delete(secret);
      return isPassed;
    },
    isBusy: (secret) => !isFree(secret) || (running.get(secret) ?? 0) > 0,
    calm() {
      twiceShare = 0;
    },
  };
}
