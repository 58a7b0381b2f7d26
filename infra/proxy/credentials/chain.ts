import { type CredentialProvider, fromEnvironment, type Send } from '../../../client/src/credentials.ts';
import type { SourceDeps } from './deps.ts';
import { fromInstance } from './imds.ts';
import { fromProfile } from './profile.ts';
import { fromWebIdentity } from './web-identity.ts';

/**
 * Finds the credentials of this process in the order of the AWS CLI: the environment, web identity (IRSA), ECS or EKS Pod
 * Identity, a profile, the instance (IMDSv2). The AWS SDK's own chain would double the memory of the proxy.
 * @returns a provider that reads them anew at each call, and throws a `BrokerError` `no_credentials` that says what to do
 */
export function createChain(deps: SourceDeps, send: Send): CredentialProvider {
  const { env, now } = deps;
  const hasKeys = Boolean(env.AWS_ACCESS_KEY_ID && env.AWS_SECRET_ACCESS_KEY);
  const isContainer = Boolean(env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI);
  const own = () => fromEnvironment({ env, fetch: send, now });
  return async () => {
    if (hasKeys) return own();
    // A profile that is named precedes the roles of the machine.
    const named = env.AWS_PROFILE ? await fromProfile(deps) : await fromWebIdentity(deps);
    if (named !== undefined) return named;
    if (isContainer) return own();
    return (await fromProfile(deps)) ?? (await fromInstance(deps)) ?? own();
  };
}
