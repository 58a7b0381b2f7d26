import type { ServiceAccount } from './accounts.ts';
import { isOwnAndValid, parseAssertion, SERVICE_ACCOUNT_AHEAD_SECONDS } from './assertions.ts';
import { orgClaims, roleClaims } from './claims.ts';
import { verifyAnyClient, verifyClient, verifyServiceAccount } from './clients.ts';
import { exchangeToken } from './exchange.ts';
import { isReply, json, type Reply, type Request, refuse } from './http.ts';
import { type Instance, readKeys } from './instance.ts';
import { expiresIn, ID_TOKEN_LIFETIME_SECONDS, issueAccessToken, issueIdToken } from './issue.ts';
import { allowsServiceAccount, audienceOf, keepAllowed, requestedScopes } from './scopes.ts';

type Handler = (instance: Instance, request: Request) => Reply | Promise<Reply>;

interface Proof {
  readonly authMethods: readonly string[];
  readonly idTokenLifetimeSeconds: number;
}

const BY_SECRET: Proof = { authMethods: ['pwd'], idTokenLifetimeSeconds: ID_TOKEN_LIFETIME_SECONDS };

// An ID token obtained with jwt-bearer is expired from the start.
const BY_KEY: Proof = { authMethods: [], idTokenLifetimeSeconds: 0 };

async function serviceAccountToken(instance: Instance, request: Request, user: ServiceAccount, proof: Proof) {
  const { org } = instance.accounts;
  const scopes = keepAllowed(requestedScopes(request), allowsServiceAccount(org));
  if (isReply(scopes)) return scopes;
  if (user.state !== 'active') return refuse('invalid_request', 'Errors.User.NotActive');
  const { authMethods, idTokenLifetimeSeconds: lifetimeSeconds } = proof;
  const authTime = Math.floor(request.nowMs / 1000);
  const grant = { user, clientId: user.username, scopes, audience: audienceOf(scopes), authMethods, authTime };
  const claims = { ...roleClaims(user, org, scopes, {}), ...orgClaims(org, scopes) };
  const jwtClaims = user.accessTokenType === 'jwt' ? claims : undefined;
  const accessToken = await issueAccessToken(instance, request, grant, jwtClaims);
  const idToken = scopes.includes('openid')
    ? await issueIdToken(instance, request, grant, { claims, accessToken, lifetimeSeconds })
    : undefined;
  return json({
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresIn(instance.tokenLifetimeSeconds),
    id_token: idToken,
  });
}

/** RFC 6749 §4.4, for service accounts only. */
const clientCredentials: Handler = (instance, request) => {
  const user = verifyServiceAccount(instance, request);
  return isReply(user) ? user : serviceAccountToken(instance, request, user, BY_SECRET);
};

/** RFC 7523 §2.1, for service accounts only. */
const jwtBearer: Handler = (instance, request) => {
  const jwt = request.form.last('assertion');
  if (jwt === '') return refuse('invalid_request', 'assertion missing');
  const assertion = parseAssertion(jwt);
  const user = assertion && instance.accounts.users.get(assertion.issuer);
  const { issuer, nowMs } = request;
  const keys = user && readKeys(instance, user, nowMs);
  const isGood = keys && isOwnAndValid(assertion, { issuer, nowMs, aheadSeconds: SERVICE_ACCOUNT_AHEAD_SECONDS, keys });
  if (!isGood && instance.release === '4.13') return refuse('server_error', 'Errors.Internal', 500);
  if (!isGood) return refuse('invalid_grant', 'invalid assertion');
  return serviceAccountToken(instance, request, user, BY_KEY);
};

/** RFC 8693, for OIDC applications only. */
const tokenExchange: Handler = (instance, request) => {
  const client = verifyClient(instance, request);
  return isReply(client) ? client : exchangeToken(instance, request, client);
};

/** A grant that needs a person's sign-in, which the stand-in does not support: always refused. */
const interactive =
  (required: readonly string[], error: string): Handler =>
  (instance, request) => {
    const client = verifyClient(instance, request);
    if (isReply(client)) return client;
    const missing = required.find((name) => request.form.last(name) === '');
    return refuse('invalid_request', missing === undefined ? error : `${missing} missing`);
  };

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

const GRANTS: Readonly<Record<string, Handler>> = {
  client_credentials: clientCredentials,
  'urn:ietf:params:oauth:grant-type:jwt-bearer': jwtBearer,
  'urn:ietf:params:oauth:grant-type:token-exchange': tokenExchange,
  refresh_token: interactive(['refresh_token'], 'Errors.User.RefreshToken.Invalid'),
  authorization_code: interactive(['code', 'redirect_uri'], 'Errors.User.Code.Invalid'),
  [DEVICE_CODE]: interactive(['device_code'], 'Errors.DeviceAuth.NotFound'),
};

/** `POST /oauth/v2/device_authorization` (RFC 8628 §3.1): no application here has the grant. */
export const authorizeDevice: Handler = (instance, request) => {
  const client = verifyAnyClient(instance, request);
  if (isReply(client)) return client;
  const said = 'ID=QUERY-yxTMh Message=Errors.Project.NotFound Parent=(sql: no rows in result set)';
  return client.isUser
    ? refuse('server_error', said, 500)
    : refuse('unauthorized_client', `client missing grant type ${DEVICE_CODE}`);
};

/** `POST /oauth/v2/token` */
export const token: Handler = (instance, request) => {
  const grantType = request.form.first('grant_type');
  if (grantType === '') return refuse('invalid_request', 'grant_type missing');
  const grant = Object.hasOwn(GRANTS, grantType) ? GRANTS[grantType] : undefined;
  if (grant === undefined) return refuse('unsupported_grant_type', `${grantType} not supported`);
  instance.tokenRequests.set(grantType, (instance.tokenRequests.get(grantType) ?? 0) + 1);
  return grant(instance, request);
};
