import { updateSecretVersionStage } from '../../../infra/local/secrets-manager/operations.ts';
import { createRotations, type RotationEvent } from '../../../infra/local/secrets-manager/rotations.ts';
import { byVersion, unfinishedVersion } from '../../../infra/local/secrets-manager/staging.ts';
import { createSecretStore, type Secret } from '../../../infra/local/secrets-manager/store.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { RotationStage } from './judge.ts';
import type { Plan } from './plan.ts';
import { ARNS, SECRETS, type SecretName, secretOf } from './setting.ts';

/** The version that has a label, and the one that gets it, if any. */
export interface Move {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** A secret, how many steps of its rotations run, and whether the last one that was waited for is done. */
interface Rotated {
  readonly secret: Secret;
  running: number;
  isDone: boolean;
}

/** The secrets of one run. */
export interface Vault {
  /** The value of each secret at first. */
  readonly texts: Readonly<Record<SecretName, string>>;
  /** Invokes the rotation function. Resolves to whether the step is done. */
  readonly invoke: (name: SecretName, event: RotationEvent) => Promise<boolean>;
  /** Hears that AWSCURRENT has moved. */
  readonly onCurrent: (name: SecretName) => void;
}

/** The stand-in for Secrets Manager with the secrets of both stages, and their rotations. */
export function createSecrets(
  { scheduler, random, count }: RotationStage,
  { attempts, ...plan }: Plan,
  { texts, invoke, onCurrent }: Vault,
) {
  const { now } = scheduler;
  const own = random.fork('rotations');
  let { twiceShare } = plan;
  let numbers = 0;
  const known = new Map<SecretName, Rotated>();
  const of = (name: SecretName) => known.get(name) as Rotated;
  /** Every version that was ever AWSCURRENT. */
  const wereCurrent = new Set<string>();

  const store = createSecretStore(now, '', ({ arn, versionId }) => {
    wereCurrent.add(`${arn} ${versionId}`);
    if (known.has(secretOf(arn))) onCurrent(secretOf(arn));
  });

  async function run(name: SecretName, event: RotationEvent): Promise<boolean> {
    const rotated = of(name);
    rotated.running += 1;
    const isDone = await invoke(name, event);
    rotated.running -= 1;
    return isDone;
  }

  async function step(event: RotationEvent): Promise<void> {
    const name = secretOf(event.SecretId);
    if (own.chance(twiceShare)) {
      count('step_twice');
      const delayMs = own.chance(0.5) ? own.int(0, 200) : own.int(0, 30 * SECOND_MS);
      scheduler.at(now() + delayMs, () => void run(name, event));
    }
    const isDone = await run(name, event);
    of(name).isDone = isDone;
    if (!isDone) throw new Error('the step has failed');
  }

  const rotations = createRotations(store, () => step, attempts);
  for (const name of SECRETS) {
    const created = store.create(ARNS[name]);
    if (!created.ok) throw new Error(created.message);
    const { value: secret } = created;
    store.addVersion(secret, { SecretString: texts[name] }, 'first');
    const dates = { rules: undefined, rotatedAtMs: undefined, nextAtMs: undefined };
    store.plan(secret, { isEnabled: true, lambdaArn: 'rotate', ...dates });
    known.set(name, { secret, running: 0, isDone: false });
  }
  const isUnderWay = (name: SecretName): boolean => rotations.isUnderWay(of(name).secret);
  const pending = (name: SecretName): string | undefined => unfinishedVersion(of(name).secret.staging);
  const holder = (name: SecretName, stage: string): string | undefined => of(name).secret.staging.get(stage);

  return {
    /** The version with a label. */
    holder,
    /** The version with AWSPENDING, unless it is current. */
    pending,
    /** The text of a version, if it has one. */
    text(name: SecretName, id: string | undefined): string | undefined {
      const value = of(name).secret.versions.get(id ?? '')?.value;
      return value !== undefined && 'SecretString' in value ? value.SecretString : undefined;
    },
    /** The versions that have a label. */
    list: (name: SecretName) =>
      Object.entries(byVersion(of(name).secret.staging)).map(([id, stages]) => ({ id, stages })),
    /** PutSecretValue. `taken` if the version has another value. */
    write: (name: SecretName, id: string, text: string, label: string): 'written' | 'taken' =>
      store.addVersion(of(name).secret, { SecretString: text }, id, [label]).ok ? 'written' : 'taken',
    /** UpdateSecretVersionStage. @returns whether it is allowed */
    move: (name: SecretName, VersionStage: string, { from, to }: Move): boolean =>
      updateSecretVersionStage(store, of(name).secret, {
        VersionStage,
        ...(from !== undefined && { RemoveFromVersionId: from }),
        ...(to !== undefined && { MoveToVersionId: to }),
      }).ok,
    /** Whether a version has ever been AWSCURRENT. */
    wasCurrent: (name: SecretName, id: string): boolean => wereCurrent.has(`${ARNS[name]} ${id}`),
    /** RotateSecret. Resolves to whether it has finished; `undefined` if one is under way. */
    async rotate(name: SecretName): Promise<boolean | undefined> {
      if (isUnderWay(name)) return undefined;
      const { secret } = of(name);
      const before = secret.rotation?.rotatedAtMs;
      numbers += 1;
      await rotations.start(secret, pending(name) ?? `rotation-${numbers}`);
      return secret.rotation?.rotatedAtMs !== before;
    },
    /** CancelRotateSecret: what is under way in the function goes on. */
    cancel({ secret }: { readonly secret: SecretName }): void {
      if (!isUnderWay(secret)) return;
      count('cancelled');
      rotations.cancel(of(secret).secret);
    },
    /** RotateSecret with RotateImmediately false. Resolves to whether the test passed. */
    async dryRun(name: SecretName): Promise<boolean | undefined> {
      const current = holder(name, 'AWSCURRENT');
      if (isUnderWay(name) || current === undefined || pending(name) !== undefined) return undefined;
      count('dry_run');
      await rotations.test(of(name).secret, current);
      return of(name).isDone;
    },
    /** Whether a step of a rotation runs. */
    isBusy: (name: SecretName): boolean => isUnderWay(name) || of(name).running > 0,
    /** From now on no step is run twice. */
    calm(): void {
      twiceShare = 0;
    },
  };
}
