import type { Sandbox } from '../../lib/compose/sandbox.ts';
import type { Route } from './gateway/route.ts';

/** Where clients look for metadata: OpenID Connect Discovery 1.0 §4, and RFC 8414 §3.1 in both places. */
const METADATA_PATHS = [
  '/{profile}/.well-known/openid-configuration',
  '/{profile}/.well-known/oauth-authorization-server',
  '/.well-known/oauth-authorization-server/{profile}',
  '/federated/{profile}/.well-known/openid-configuration',
  '/federated/{profile}/.well-known/oauth-authorization-server',
  '/.well-known/oauth-authorization-server/federated/{profile}',
];

/** The routes of a deployment, to the `sandbox` that exists at the time of each request. */
export function createRoutes(sandbox: () => Sandbox): readonly Route[] {
  const post = (functionName: 'token' | 'introspect' | 'revoke'): Route => ({
    method: 'POST',
    path: `/{profile}/oauth/v2/${functionName}`,
    handler: (event: unknown, context: never) => sandbox()[functionName](event, context),
    functionName,
  });
  const metadata = (path: string): Route => ({
    method: 'GET',
    path,
    handler: (event: unknown, context: never) => sandbox().metadata(event, context),
    functionName: 'metadata',
    isPublic: true,
  });
  const federated: Route = {
    method: 'POST',
    path: '/federated/{profile}/oauth/v2/token',
    handler: (event: unknown, context: never) => sandbox().federated(event, context),
    functionName: 'federated',
    isPublic: true,
  };
  return [post('token'), post('introspect'), post('revoke'), federated, ...METADATA_PATHS.map(metadata)];
}
