import { fail, ok, type Result } from '../../core/result.ts';
import { isMapping } from '../profiles/document.ts';
import type { RotatedSecret } from '../profiles/rotation.ts';
import { isSecretOf } from '../profiles/secret-reference.ts';
import type { RotationFault } from './rotated-key.ts';
import type { RotationRun } from './run.ts';
import { STEPS, type Step } from './steps.ts';

/** An event of Secrets Manager for its rotation function. */
export interface RotationEvent extends RotationRun {
  readonly step: Step;
}

/** Steps are named in two ways: `createSecret`, and `create_secret` as in the events of other emulators and tests. */
const plain = (step: unknown): string => String(step).replaceAll('_', '').toLowerCase();

/**
 * Parses `{ Step, SecretId, ClientRequestToken }`. For safety: only a secret that a profile rotates is accepted, whoever
 * may invoke the function.
 */
export function parseRotationEvent(
  event: unknown,
  rotated: readonly RotatedSecret[],
): Result<RotationEvent, RotationFault> {
  const { Step: name, SecretId: secret, ClientRequestToken: token } = isMapping(event) ? event : {};
  const step = STEPS.find((known) => plain(known) === plain(name));
  if (step === undefined || typeof secret !== 'string' || typeof token !== 'string') {
    return fail({ detail: 'not an event of Secrets Manager: it needs Step, SecretId and ClientRequestToken' });
  }
  const known = rotated.find((one) => isSecretOf(one.secret, secret));
  if (known === undefined) {
    const names = rotated.map((one) => one.secret).join(', ') || 'none';
    return fail({ detail: `no profile rotates this secret; those that rotate are ${names}` });
  }
  return ok({ step, secret, token, rotated: known });
}
