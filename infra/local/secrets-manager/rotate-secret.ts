import { randomUUID } from 'node:crypto';
import { type Answer, answered, epochSeconds, refused } from './answer.ts';
import type { Input } from './input.ts';
import type { Rotations } from './rotations.ts';
import { checkRules, nextRotationMs, type RotationPlan } from './schedule.ts';
import { AWSCURRENT, unfinishedVersion } from './staging.ts';
import type { Secret, SecretStore } from './store.ts';

const noFunction = () =>
  refused('InvalidRequestException', 'No Lambda rotation function ARN is associated with this secret.');

/** The configuration after a call: the members that it does not have stay as they are. */
function planOf(known: RotationPlan | undefined, input: Input, nowMs: number): Answer<RotationPlan> {
  const lambdaArn = input.RotationLambdaARN ?? known?.lambdaArn;
  if (lambdaArn === undefined) return noFunction();
  const checked = input.RotationRules === undefined ? answered(known?.rules) : checkRules(input.RotationRules);
  if (!checked.ok) return checked;
  const rules = checked.value;
  // A schedule that goes on keeps its date: a failed rotation must not put off the next one.
  const goesOn = known?.isEnabled === true && input.RotationRules === undefined;
  const nextAtMs = goesOn ? known.nextAtMs : nextRotationMs(rules, nowMs);
  return answered({ isEnabled: true, lambdaArn, rules, rotatedAtMs: known?.rotatedAtMs, nextAtMs });
}

/** Configures the rotation and starts one, or the dry run. The answer does not wait for either. */
export function rotateSecret(
  { store, rotations, now }: { store: SecretStore; rotations: Rotations; now: () => number },
  secret: Secret,
  input: Input,
): Answer {
  const plan = planOf(secret.rotation, input, now());
  if (!plan.ok) return plan;
  if (!rotations.canInvoke()) {
    return refused(
      'AccessDeniedException',
      'Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.',
    );
  }
  const { ClientRequestToken: token = randomUUID(), RotateImmediately: isImmediate = true } = input;
  const unfinished = unfinishedVersion(secret.staging);
  if (unfinished !== undefined && !(isImmediate && unfinished === token)) {
    // AWS does not say whether a refused call configures the rotation. Here it does not.
    if (secret.rotation !== undefined) void rotations.start(secret, unfinished);
    const message = "A previous rotation isn't complete. That rotation will be reattempted.";
    return refused('InvalidRequestException', message);
  }
  store.plan(secret, plan.value);
  const currentId = secret.staging.get(AWSCURRENT);
  if (!isImmediate) {
    if (currentId !== undefined) void rotations.test(secret, currentId);
  } else if (unfinished === token || secret.versions.get(token)?.value === undefined) {
    // Otherwise the call is repeated after its rotation has ended.
    void rotations.start(secret, token);
  }
  return answered({ ARN: secret.arn, Name: secret.name, VersionId: isImmediate ? token : currentId });
}

/** Switches the schedule off and cancels what is under way. The pending version, if any, stays pending. */
export function cancelRotateSecret(
  { store, rotations }: { store: SecretStore; rotations: Rotations },
  secret: Secret,
): Answer {
  if (secret.rotation === undefined) return noFunction();
  rotations.cancel(secret);
  store.plan(secret, { ...secret.rotation, isEnabled: false });
  const VersionId = unfinishedVersion(secret.staging);
  return answered({ ARN: secret.arn, Name: secret.name, ...(VersionId !== undefined && { VersionId }) });
}

/** Starts each rotation whose date has passed: again that of a pending version, or a new one. Returns the ARNs. */
export function rotateDue(store: SecretStore, rotations: Rotations, nowMs: number): readonly string[] {
  const due = store.all().filter((secret) => {
    const { isEnabled = false, nextAtMs = Number.POSITIVE_INFINITY } = secret.rotation ?? {};
    return isEnabled && nextAtMs <= nowMs && !rotations.isUnderWay(secret);
  });
  for (const secret of due) void rotations.start(secret, unfinishedVersion(secret.staging) ?? randomUUID());
  return due.map(({ arn }) => arn);
}

/** What DescribeSecret shows of the rotation. The dates belong to a schedule that is switched on. */
export function describeRotation(rotation: RotationPlan | undefined) {
  if (rotation === undefined) return {};
  const { isEnabled, lambdaArn, rules, rotatedAtMs, nextAtMs } = rotation;
  return {
    RotationEnabled: isEnabled,
    RotationLambdaARN: lambdaArn,
    ...(rules !== undefined && { RotationRules: rules }),
    ...(isEnabled && rotatedAtMs !== undefined && { LastRotatedDate: epochSeconds(rotatedAtMs) }),
    ...(isEnabled && nextAtMs !== undefined && { NextRotationDate: epochSeconds(nextAtMs) }),
  };
}
