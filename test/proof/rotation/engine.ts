import { SECOND_MS } from '../../../lib/core/time.ts';
import type { RotationStage } from './judge.ts';
import type { Plan } from './plan.ts';
import { ARNS, type SecretName } from './setting.ts';
import type { VaultSecret } from './vault.ts';

/** Invokes the rotation function. @returns whether the step is done */
export type Invoke = (secret: SecretName, event: object) => Promise<boolean>;

const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;

/** Creates what Secrets Manager does about rotations in one run. */
export function createEngine(
  { scheduler, random, count }: RotationStage,
  { attempts, ...plan }: Plan,
  vault: Readonly<Record<SecretName, VaultSecret>>,
  invoke: Invoke,
) {
  const own = random.fork('engine');
  /** The rotation that is under way, by its number. */
  const active = new Map<SecretName, number>();
  const running = new Map<SecretName, number>();
  let numbers = 0;
  let { twiceShare } = plan;

  async function step(secret: SecretName, name: string, token: string): Promise<boolean> {
    running.set(secret, (running.get(secret) ?? 0) + 1);
    const isDone = await invoke(secret, { Step: name, SecretId: ARNS[secret], ClientRequestToken: token });
    running.set(secret, (running.get(secret) ?? 0) - 1);
    return isDone;
  }

  async function run(secret: SecretName, number: number, token: string): Promise<boolean> {
    for (const name of STEPS) {
      if (active.get(secret) !== number) return false;
      if (own.chance(twiceShare)) {
        count('step_twice');
        const delayMs = own.chance(0.5) ? own.int(0, 200) : own.int(0, 30 * SECOND_MS);
        scheduler.at(scheduler.now() + delayMs, () => void step(secret, name, token));
      }
      if (!(await step(secret, name, token))) return false;
    }
    return true;
  }

  const begin = (secret: SecretName): number => {
    numbers += 1;
    active.set(secret, numbers);
    return numbers;
  };

  return {
    /** RotateSecret. Resolves to whether it has finished; `undefined` if one is under way. */
    async rotate(secret: SecretName): Promise<boolean | undefined> {
      if (active.has(secret)) return undefined;
      const number = begin(secret);
      const left = vault[secret].pending();
      const token = left ?? `rotation-${number}`;
      if (left === undefined) vault[secret].begin(token);
      let isDone = false;
      for (let attempt = 0; attempt < attempts && !isDone && active.get(secret) === number; attempt += 1) {
        isDone = await run(secret, number, token);
      }
      if (active.get(secret) === number) active.delete(secret);
      return isDone;
    },
    /** CancelRotateSecret: what is under way in the function goes on. */
    cancel({ secret }: { readonly secret: SecretName }): void {
      if (active.delete(secret)) count('cancelled');
    },
    /** RotateSecret with RotateImmediately false. Resolves to whether the test passed. */
    async dryRun(secret: SecretName): Promise<boolean | undefined> {
      const { holder, move, pending } = vault[secret];
      const current = holder('AWSCURRENT');
      if (active.has(secret) || current === undefined || pending() !== undefined) return undefined;
      begin(secret);
      count('dry_run');
      move('AWSPENDING', { from: holder('AWSPENDING'), to: current });
      const isPassed = await step(secret, 'testSecret', current);
      move('AWSPENDING', { from: current });
      active.delete(secret);
      return isPassed;
    },
    /** Whether a step of a rotation runs. */
    isBusy: (secret: SecretName): boolean => active.has(secret) || (running.get(secret) ?? 0) > 0,
    /** From now on no step is run twice. */
    calm(): void {
      twiceShare = 0;
    },
  };
}
