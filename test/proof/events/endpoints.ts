/** What each endpoint has after the profile in its path. */
export const ROUTES = {
  token: '/oauth/v2/token',
  introspect: '/oauth/v2/introspect',
  revoke: '/oauth/v2/revoke',
  metadata: '/.well-known/openid-configuration',
} as const;

export type Endpoint = keyof typeof ROUTES;

/** Where API Gateway says that it was called. */
export const DOMAIN = 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com';
