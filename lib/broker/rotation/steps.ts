import { fail, ok, type Result } from '../../core/result.ts';
import { readPair } from './candidate.ts';
import { createCreateSecret } from './create.ts';
import { createFinishSecret } from './finish.ts';
import { refusePending } from './guard.ts';
import type { KeyTokenDeps } from './key-token.ts';
import { isListed } from './listed.ts';
import { type ManagerDeps, openManaged } from './manager.ts';
import type { RotatedKey, RotationFault } from './rotated-key.ts';
import type { RotationRun, StepDone } from './run.ts';
import { createTryKey } from './trial.ts';
import type { SecretVersions } from './versions.ts';

/** The steps in which Secrets Manager runs a rotation. */
export const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
export type Step = (typeof STEPS)[number];

export interface RotationDeps extends KeyTokenDeps, ManagerDeps {
  readonly versions: SecretVersions;
}

/** Runs a step of a rotation. Secrets Manager may run it twice, and again after a failure. */
export type RunStep = (step: Step, run: RotationRun) => Promise<Result<StepDone, RotationFault>>;

/** Creates the steps of rotations. */
export function createSteps(deps: RotationDeps): RunStep {
  const { clock, versions } = deps;
  const tryKey = createTryKey(deps);

  const stepDeps = {
    clock,
    versions,
    async openKeys(run: RotationRun, credential: RotatedKey) {
      const opened = await openManaged(deps, run.rotated, credential);
      return opened.ok ? ok(opened.value.keys) : opened;
    },
  };

  /** Guards only: the key is already at ZITADEL. */
  async function setSecret(run: RotationRun): Promise<Result<StepDone, RotationFault>> {
    const pair = await readPair(versions, run);
    if (!pair.ok) return pair;
    const { current, pending } = pair.value;
    if (pending === undefined) return ok({ keyId: current.key.kid, isDryRun: true });
    const refusal = refusePending(current, pending);
    return refusal === undefined ? ok({ keyId: pending.key.kid }) : fail({ detail: refusal });
  }

  /**
   * Uses the pending key for all that its profiles need. If nothing is pending, this is a dry run: it shows that the
   * current key works, and that its holder's keys can be managed.
   */
  async function testSecret(run: RotationRun): Promise<Result<StepDone, RotationFault>> {
    const pair = await readPair(versions, run);
    if (!pair.ok) return pair;
    const { current, pending } = pair.value;
    const credential = pending ?? current;
    const keyId = credential.key.kid;
    const opened = await openManaged(deps, run.rotated, credential);
    if (!opened.ok) return opened;
    const { keys, ...managed } = opened.value;
    const known = await isListed(clock, keys, keyId);
    if (!known.ok) return known;
    if (!known.value) return fail({ detail: `ZITADEL does not list the key ${keyId}` });
    const { issuer, trials } = run.rotated;
    const { projectId } = keys;
    const ofProject = projectId === undefined ? {} : { projectId };
    const tried = await tryKey({ issuer, credential, ...managed, ...ofProject }, trials);
    if (!tried.ok) return tried;
    return ok({ keyId, ...(pending === undefined ? { isDryRun: true } : {}) });
  }

  const steps = {
    createSecret: createCreateSecret(stepDeps),
    setSecret,
    testSecret,
    finishSecret: createFinishSecret(stepDeps),
  };
  return (step, run) => steps[step](run);
}
