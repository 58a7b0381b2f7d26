import type { Sandbox } from '../../lib/compose/sandbox.ts';
import type { Route } from './gateway/route.ts';

/** The routes of a deployment, to the `sandbox` that exists at the time of each request. */
export function createRoutes(sandbox: () => Sandbox): readonly Route[] {
  const post = (functionName: 'token' | 'introspect' | 'revoke'): Route => ({
    method: 'POST',
    path: `/{profile}/oauth/v2/${functionName}`,
    handler: (event: unknown, context: never) => sandbox()[functionName](event, context),
    functionName,
  });
  const metadata: Route = {
    method: 'GET',
    path: '/{profile}/.well-known/openid-configuration',
    handler: (event: unknown, context: never) => sandbox().metadata(event, context),
    functionName: 'metadata',
    isPublic: true,
  };
  return [post('token'), post('introspect'), post('revoke'), metadata];
}
