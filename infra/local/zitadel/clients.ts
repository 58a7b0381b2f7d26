import type { Application } from './accounts.ts';
import { APPLICATION_AHEAD_SECONDS, type Assertion, isOwnAndValid, parseAssertion } from './assertions.ts';
import { isReply, type Reply, type Request, readBasic, refuse } from './http.ts';
import type { Instance } from './instance.ts';

/** What a client shows of itself; empty where it shows nothing. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly assertion: string;
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Reads a client's credentials. A Basic header goes before the body. */
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

const conditions = ({ issuer, nowMs }: Request, { keys }: Application) => ({
  issuer,
  nowMs,
  aheadSeconds: APPLICATION_AHEAD_SECONDS,
  keys,
});

/** Proves an OIDC application and its right to the grant, if the request names one. */
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
    if (!isOwnAndValid(assertion, conditions(request, client))) return refuse('invalid_client', 'invalid assertion');
  } else {
    if (clientSecret === '') return refuse('invalid_client', 'empty client secret');
    if (client.secret !== clientSecret) return refuse('invalid_client', 'invalid secret');
  }
  const grantType = request.form.first('grant_type');
  if (grantType === '' || client.grantTypes.includes(grantType)) return client;
  return refuse('unauthorized_client', `grant_type ${JSON.stringify(grantType)} not allowed`);
}

/**
 * Proves an application that introspects. `'unreadable'` when its assertion is no JWT: ZITADEL keeps that to itself
 * and says that the token is inactive.
 */
export function verifyIntrospector(
  instance: Instance,
  request: Request,
  credentials: Credentials,
): Application | 'unauthorized' | 'unreadable' {
  const { applications } = instance.accounts;
  if (credentials.assertion === '') {
    const client = applications.get(credentials.clientId);
    return client?.secret !== undefined && client.secret === credentials.clientSecret ? client : 'unauthorized';
  }
  const assertion = parseAssertion(credentials.assertion);
  if (assertion === undefined) return 'unreadable';
  const client = applications.get(assertion.issuer);
  return client && isOwnAndValid(assertion, conditions(request, client)) ? client : 'unauthorized';
}
