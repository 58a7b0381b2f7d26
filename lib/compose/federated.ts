import { createOnBehalf } from '../broker/exchange/exchange.ts';
import { createIssuerKeys } from '../broker/federation/issuer-keys.ts';
import { createVerifyAssertion } from '../broker/federation/verify.ts';
import { createDoubts } from '../broker/introspection/doubts.ts';
import { createCounter, createKeyIds } from '../broker/obtain/counter.ts';
import { createTokens } from '../broker/obtain/memory.ts';
import type { Profiles } from '../broker/profiles/profile.ts';
import type { GatewayHandler } from '../http/endpoint.ts';
import { createFederatedDoor } from '../http/federated-door.ts';
import { createTokenEndpoint } from '../http/token-endpoint.ts';
import { createTransport } from '../net/transport.ts';
import { createBase } from './base.ts';
import type { Environment, Overrides } from './environment.ts';

/**
 * Builds the function for callers without IAM. It shares the table with the other functions, and nothing else: a flood
 * of assertions does not touch callers with IAM.
 * @throws {Error} if the environment is not that of a deployment: the function cannot start
 */
export function createFederatedFunction(
  profiles: Profiles,
  env: Environment,
  overrides: Overrides = {},
): GatewayHandler {
  const shared = createBase(profiles, env, overrides);
  const noted = { issued: createCounter(), waits: createCounter(), keyIds: createKeyIds() };
  const base = { ...shared, ...noted, doubts: createDoubts(shared) };
  const { clock, isLocal } = base;
  const { PUBLIC_URL: publicUrl = '' } = env;
  // Not the sender to ZITADEL, which remembers outages of ZITADEL.
  const send = overrides.send ?? createTransport({ clock, allowLoopbackHttp: isLocal, env });
  const verify = createVerifyAssertion({ clock, profiles, keys: createIssuerKeys({ clock, send }) });
  const door = createFederatedDoor({ verify, isLocal, ...(publicUrl === '' ? {} : { publicUrl }) });
  const deps = { ...base, tokens: createTokens(base), onBehalf: createOnBehalf(base) };
  return createTokenEndpoint(deps, { name: 'federated', door });
}
