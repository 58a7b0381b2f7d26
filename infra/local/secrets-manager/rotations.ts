import { AWSPENDING, attach, detach, unfinishedVersion } from './staging.ts';
import type { Secret, SecretStore } from './store.ts';

const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;

type Step = (typeof STEPS)[number];

/** The event of the rotation function. */
export interface RotationEvent {
  readonly Step: Step;
  /** The secret's full ARN. */
  readonly SecretId: string;
  /** The id of the pending version. */
  readonly ClientRequestToken: string;
}

/** The rotation function. A rejection is a step that failed. */
export type RotationFunction = (event: RotationEvent) => Promise<void>;

/** A rotation or a dry run, until it has ended. */
interface Run {
  readonly secret: Secret;
  readonly token: string;
  isCancelled: boolean;
}

/** The rotations that are under way. */
export interface Rotations {
  /**
   * Makes `token` the pending version and rotates the secret to it. Changes nothing if that is under way. Resolves when it
   * has ended.
   */
  readonly start: (secret: Secret, token: string) => Promise<void>;
  /** The dry run: testSecret alone, with AWSPENDING on the current version `token` until the step has ended. */
  readonly test: (secret: Secret, token: string) => Promise<void>;
  /** Invokes no further step for this secret, or for any. A running step is not interrupted, and no label moves. */
  readonly cancel: (secret?: Secret) => void;
  readonly isUnderWay: (secret: Secret) => boolean;
  /** Whether there is a function to invoke. */
  readonly canInvoke: () => boolean;
  /** Resolves when nothing is under way, not even a step of a cancelled rotation. */
  readonly settled: () => Promise<void>;
}

/** Creates the rotations. When a step fails, all four are tried again, up to `attempts` times. */
export function createRotations(
  store: SecretStore,
  rotationFunction: () => RotationFunction | undefined,
  attempts: number,
): Rotations {
  const runs = new Map<Run, Promise<void>>();
  const live = (secret?: Secret) =>
    [...runs.keys()].filter((run) => !run.isCancelled && (secret === undefined || run.secret === secret));

  async function succeeds(run: Run, steps: readonly Step[]): Promise<boolean> {
    for (const Step of steps) {
      if (run.isCancelled) return false;
      try {
        await rotationFunction()?.({ Step, SecretId: run.secret.arn, ClientRequestToken: run.token });
      } catch {
        // The function logs why. Secrets Manager knows only that the step failed.
        return false;
      }
    }
    return !run.isCancelled;
  }

  async function begin(secret: Secret, token: string, work: (run: Run) => Promise<void>): Promise<void> {
    const known = live(secret).find((run) => run.token === token);
    if (known !== undefined) return runs.get(known);
    const run: Run = { secret, token, isCancelled: false };
    store.restage(secret, attach(secret.staging, AWSPENDING, token));
    // The first step comes after the answer to the request that starts it.
    const ended = Promise.resolve()
      .then(() => work(run))
      .finally(() => runs.delete(run));
    runs.set(run, ended);
    return ended;
  }

  async function rotate(run: Run) {
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const haveSucceeded = await succeeds(run, STEPS);
      if (haveSucceeded && unfinishedVersion(run.secret.staging) !== run.token) return store.markRotated(run.secret);
    }
  }

  async function test(run: Run) {
    await succeeds(run, ['testSecret']);
    const { staging } = run.secret;
    if (!run.isCancelled && staging.get(AWSPENDING) === run.token) {
      store.restage(run.secret, detach(staging, AWSPENDING));
    }
  }

  return {
    start: (secret, token) => {
      store.reserveVersion(secret, token);
      return begin(secret, token, rotate);
    },
    test: (secret, token) => begin(secret, token, test),
    cancel: (secret) => {
      for (const run of live(secret)) run.isCancelled = true;
    },
    canInvoke: () => rotationFunction() !== undefined,
    isUnderWay: (secret) => live(secret).length > 0,
    settled: async () => {
      while (runs.size > 0) await Promise.all(runs.values());
    },
  };
}
