import { orgClaims, profileClaims, roleClaims } from './claims.ts';
import { readCredentials, verifyAnyClient, verifyIntrospector } from './clients.ts';
import { bearerOf, isReply, json, type Reply, type Request, refuse } from './http.ts';
import { activeSession, type Instance } from './instance.ts';

/** `POST /oauth/v2/introspect` (RFC 7662), by an application that the token's audience names, or whose project. */
export function introspect(instance: Instance, request: Request): Reply {
  const credentials = readCredentials(request);
  if (isReply(credentials)) return credentials;
  if (credentials.clientSecret === '' && credentials.assertion === '') {
    return refuse('invalid_client', 'client must be authenticated');
  }
  const token = request.form.last('token');
  if (token === '') return refuse('invalid_request', 'token missing');
  const client = verifyIntrospector(instance, request, credentials);
  if (client === 'unauthorized') return refuse('unauthorized_client');
  const session = activeSession(instance, token, request.issuer, request.nowMs);
  const user = session && instance.accounts.users.get(session.userId);
  if (client === 'unreadable' || session === undefined || user === undefined) return json({ active: false });
  const { clientId, projectId } = client;
  if (!session.audience.includes(clientId) && !session.audience.includes(projectId)) return json({ active: false });

  const { org } = instance.accounts;
  const { scopes, authMethods } = session;
  const profile = profileClaims(user, scopes);
  return json({
    active: true,
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
    client_id: session.clientId,
    token_type: 'Bearer',
    exp: session.expiresAt,
    iat: session.issuedAt,
    auth_time: session.authTime,
    nbf: session.issuedAt,
    sub: session.userId,
    aud: session.audience,
    amr: authMethods.length > 0 ? authMethods : undefined,
    iss: request.issuer,
    jti: session.jti,
    act: session.actor,
    ...profile,
    username: profile.preferred_username,
    ...orgClaims(org, scopes),
    ...roleClaims(user, org, scopes, { projectId, ownProjectOnly: true }),
  });
}

/** `POST /oauth/v2/revoke` (RFC 7009), by an OIDC application that the token's audience names. */
export function revoke(instance: Instance, request: Request): Reply {
  const client = verifyAnyClient(instance, request);
  if (isReply(client)) return client;
  const token = request.form.last('token');
  if (token === '') return refuse('invalid_request', 'token missing');
  const session = instance.sessions.find(token);
  if (session !== undefined) {
    if (!session.audience.includes(client.clientId)) {
      return refuse('invalid_client', 'token was not issued for this client', 401);
    }
    session.isEnded = true;
  }
  return { status: 200, contentType: 'application/json', body: '' };
}

/** `GET /oidc/v1/userinfo` (OpenID Connect Core §5.3) */
export function userinfo(instance: Instance, request: Request): Reply {
  const token = bearerOf(request.headers.authorization) || request.form.last('access_token');
  if (token === '') return refuse('invalid_request', 'access token missing', 401);
  const session = activeSession(instance, token, request.issuer, request.nowMs);
  const user = session && instance.accounts.users.get(session.userId);
  if (session === undefined || user === undefined) return refuse('access_denied', 'access token invalid', 401);
  const { org, applications } = instance.accounts;
  const projectId = applications.get(session.clientId)?.projectId;
  return json({
    sub: user.userId,
    ...profileClaims(user, session.scopes),
    ...orgClaims(org, session.scopes),
    ...roleClaims(user, org, session.scopes, projectId === undefined ? {} : { projectId }),
  });
}
