import { randomUUID } from 'node:crypto';
import { createSecretVersions } from '../aws/secret-versions.ts';
import { createSecretsManagerStore } from '../aws/secrets-manager.ts';
import type { Profiles } from '../broker/profiles/profile.ts';
import { rotatedSecrets } from '../broker/profiles/rotation.ts';
import { parseRotationEvent } from '../broker/rotation/event.ts';
import { createOpenKeys } from '../broker/rotation/holder-keys.ts';
import { createReadManager } from '../broker/rotation/manager.ts';
import { createSteps } from '../broker/rotation/steps.ts';
import type { SecretVersions } from '../broker/rotation/versions.ts';
import { describeBug } from '../http/bug.ts';
import { createTransport } from '../net/transport.ts';
import { createKeyPair } from '../zitadel/key-pair.ts';
import type { Environment, Overrides } from './environment.ts';
import { createJournal } from './journal.ts';

/** Rejects if the step failed, so that Secrets Manager tries it again, and Lambda counts an error. */
export type RotateHandler = (event: unknown) => Promise<void>;

export interface RotateOverrides extends Omit<Overrides, 'table' | 'random'> {
  readonly versions?: SecretVersions;
  readonly createKeyPair?: typeof createKeyPair;
}

/**
 * Builds the rotation function of Secrets Manager for the keys that the profiles rotate. It has no table.
 * @throws {Error} if the environment is not that of a deployment: the function cannot start
 */
export function createRotateFunction(
  profiles: Profiles,
  env: Environment,
  overrides: RotateOverrides = {},
): RotateHandler {
  const { clock, log, isLocal } = createJournal(env, overrides);
  const uuid = overrides.uuid ?? randomUUID;
  const send = overrides.send ?? createTransport({ clock, allowLoopbackHttp: isLocal, env });
  const versions = overrides.versions ?? createSecretVersions({ clock });
  const secrets = overrides.secrets ?? createSecretsManagerStore({ clock });
  const rotated = rotatedSecrets(profiles);
  const runStep = createSteps({
    clock,
    uuid,
    send,
    versions,
    openKeys: createOpenKeys({ clock, uuid, send, createKeyPair: overrides.createKeyPair ?? createKeyPair }),
    readManager: createReadManager({ clock, secrets }, profiles),
  });

  return async (event) => {
    const at = clock.now();
    const parsed = parseRotationEvent(event, rotated);
    const named = parsed.ok ? { step: parsed.value.step, secret: parsed.value.rotated.secret } : {};
    const result = parsed.ok
      ? await runStep(parsed.value.step, parsed.value).catch((thrown: unknown) => {
          log.rotation({ at, durationMs: clock.now() - at, ...named, bug: describeBug(thrown) });
          throw new Error('an internal error of the broker: see the log');
        })
      : parsed;
    const durationMs = clock.now() - at;
    log.rotation({ at, durationMs, ...named, ...(result.ok ? { done: result.value } : { failure: result.error }) });
    if (!result.ok) throw new Error(result.error.detail);
  };
}
