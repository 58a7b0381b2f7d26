import type { Application, ServiceAccount } from './accounts.ts';
import { APPLICATION_AHEAD_SECONDS, type Assertion, isOwnAndValid, parseAssertion } from './assertions.ts';
import { readBasic } from './form.ts';
import { isReply, type Reply, type Request, refuse } from './http.ts';
import { type Instance, readKeys } from './instance.ts';

/** The credentials that a client presents; empty if there are none. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly assertion: string;
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Reads a client's credentials. A Basic header takes precedence over the body. */
export function readCredentials({ headers, form }: Request): Credentials | Reply {
  const basic = readBasic(headers.authorization);
  if (basic === 'malformed') return refuse('invalid_client', 'invalid basic auth header');
  const clientId = basic?.id ?? form.last('client_id');
  const clientSecret = basic?.secret ?? form.last('client_secret');
  const assertion = form.last('client_assertion');
  const assertionType = form.last('client_assertion_type');
  if (clientId === '' && assertion === '') {
    return refuse('invalid_request', 'client_id or client_assertion must be provided');
  }
  if (assertion !== '' && assertionType !== JWT_BEARER) {
    return refuse('invalid_request', `invalid client_assertion_type ${assertionType}`);
  }
  return { clientId, clientSecret, assertion };
}

/** The conditions for an application's assertion. */
export const conditions = (instance: Instance, { issuer, nowMs }: Request, client: Application) => ({
  issuer,
  nowMs,
  aheadSeconds: APPLICATION_AHEAD_SECONDS,
  keys: readKeys(instance, client, nowMs),
});

/** Authenticates a service account by its secret. Its client id is its user name, compared case-insensitively. */
export function verifyServiceAccount(instance: Instance, request: Request): ServiceAccount | Reply {
  const credentials = readCredentials(request);
  if (isReply(credentials)) return credentials;
  const { accounts, lagMs } = instance;
  const loginName = credentials.clientId.toLowerCase();
  const user = [...accounts.users.values()].find(({ username }) => username.toLowerCase() === loginName);
  if (user === undefined && !accounts.others.has(loginName)) return refuse('invalid_client', 'client not found');
  const secret = user?.secret.read(request.nowMs, lagMs);
  if (secret === undefined) return refuse('invalid_request', 'Errors.User.Machine.Secret.NotExisting');
  if (secret === credentials.clientSecret && user !== undefined) return user;
  return refuse('invalid_request', 'Errors.User.Machine.Secret.Invalid');
}

/** Authenticates an OIDC application, and checks that it may use the grant, if the request names one. */
export function verifyClient(instance: Instance, request: Request): Application | Reply {
  const credentials = readCredentials(request);
  if (isReply(credentials)) return credentials;
  const { clientId, clientSecret } = credentials;
  let assertion: Assertion | undefined;
  if (credentials.assertion !== '') {
    assertion = parseAssertion(credentials.assertion);
    if (assertion === undefined) return refuse('invalid_client');
  }
  const client = instance.accounts.applications.get(assertion?.issuer ?? clientId);
  if (client?.kind !== 'oidc') return refuse('invalid_client', 'no active client not found');
  if (client.usesKeys) {
    if (assertion === undefined) return refuse('invalid_client', 'empty client assertion');
    if (!isOwnAndValid(assertion, conditions(instance, request, client)))
      return refuse('invalid_client', 'invalid assertion');
  } else {
    if (clientSecret === '') return refuse('invalid_client', 'empty client secret');
    if (client.secret.read(request.nowMs, instance.lagMs) !== clientSecret)
      return refuse('invalid_client', 'invalid secret');
  }
  const grantType = request.form.first('grant_type');
  if (grantType === '' || client.grantTypes.includes(grantType)) return client;
  return refuse('unauthorized_client', `grant_type ${JSON.stringify(grantType)} not allowed`);
}

/** Authenticates any client. At every endpoint, client_credentials in the form means a service account. */
export function verifyAnyClient(instance: Instance, request: Request): { clientId: string; isUser: boolean } | Reply {
  const isUser = request.form.first('grant_type') === 'client_credentials';
  const client = isUser ? verifyServiceAccount(instance, request) : verifyClient(instance, request);
  if (isReply(client)) return client;
  return { clientId: 'username' in client ? client.username : client.clientId, isUser };
}

/**
 * Authenticates an application that introspects. `'unreadable'` if its assertion is not a JWT: ZITADEL does not report
 * that, and answers that the token is inactive.
 */
export function verifyIntrospector(
  instance: Instance,
  request: Request,
  credentials: Credentials,
): Application | 'unauthorized' | 'unreadable' {
  const { applications } = instance.accounts;
  if (credentials.assertion === '') {
    const client = applications.get(credentials.clientId);
    const secret = client?.secret.read(request.nowMs, instance.lagMs);
    return client && secret !== undefined && secret === credentials.clientSecret ? client : 'unauthorized';
  }
  const assertion = parseAssertion(credentials.assertion);
  if (assertion === undefined) return 'unreadable';
  const client = applications.get(assertion.issuer);
  return client && isOwnAndValid(assertion, conditions(instance, request, client)) ? client : 'unauthorized';
}
