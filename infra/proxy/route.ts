/** The endpoints of a profile, by the last part of their path. */
const ENDPOINTS = ['token', 'introspect', 'revoke'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** What a path asks for. */
export type Route =
  | { readonly kind: 'health' }
  | { readonly kind: 'endpoint'; readonly profile: string; readonly endpoint: Endpoint }
  | { readonly kind: 'metadata'; readonly profile: string; readonly document: Document };

/** The documents of RFC 8414 §3 and OpenID Connect Discovery 1.0 §4. */
export type Document = 'openid-configuration' | 'oauth-authorization-server';

const PROFILE = '(?<profile>[a-z][a-z0-9-]{0,62})';
const UNDER = new RegExp(
  `^/${PROFILE}/(?:oauth/v2/(?<endpoint>${ENDPOINTS.join('|')})|\\.well-known/(?<document>openid-configuration|oauth-authorization-server))$`,
);
/** RFC 8414 §3.1: before the path of the issuer. */
const BEFORE = new RegExp(`^/\\.well-known/(?<document>oauth-authorization-server)/${PROFILE}$`);

/** Finds what a path, with or without a query, asks for. */
export function routeOf(target: string): Route | undefined {
  const [path = ''] = target.split('?');
  if (path === '/healthz') return { kind: 'health' };
  const { profile, endpoint, document } = (UNDER.exec(path) ?? BEFORE.exec(path))?.groups ?? {};
  if (profile === undefined) return undefined;
  return endpoint === undefined
    ? { kind: 'metadata', profile, document: document as Document }
    : { kind: 'endpoint', profile, endpoint: endpoint as Endpoint };
}
