import type { Redacted } from '../core/redacted.ts';
import type { EpochMs } from '../core/time.ts';
import { signAssertion } from '../oauth/assertion.ts';
import { type ClientAuthentication, clientSecretBasic, privateKeyJwt } from '../oauth/client-authentication.ts';
import { GRANT_TYPE, TOKEN_TYPE } from '../oauth/grant.ts';
import type { OAuthRequest } from '../oauth/transport.ts';
import type { Credential } from './credential.ts';
import type { Grant } from './grant.ts';
import { createRequest } from './upstream.ts';

/** The parts of a token request. */
export interface TokenRequest {
  /** Scheme, host and port; no path, no trailing slash. */
  readonly issuer: string;
  readonly credential: Credential;
  readonly grant: Grant;
  readonly scopes: readonly string[];
  /** The token to exchange; with `token-exchange` only. */
  readonly subjectToken?: Redacted<string>;
  /** The audiences of the exchanged token. Without any, ZITADEL copies all audiences of the subject token. */
  readonly audiences?: readonly string[];
}

/** ZITADEL's token endpoint is always on the issuer's own origin. */
const tokenEndpoint = (issuer: string): string => `${issuer}/oauth/v2/token`;

const NO_CLIENT: ClientAuthentication = { parameters: {}, secrets: [] };

/** `jti` is called once for each assertion. */
export interface SigningDeps {
  readonly now: EpochMs;
  readonly jti: () => string;
}

/** Builds the client authentication of a credential, the same for every ZITADEL endpoint. */
export async function authenticateClient(
  issuer: string,
  credential: Credential,
  { now, jti }: SigningDeps,
): Promise<ClientAuthentication> {
  if (credential.kind === 'client_secret') {
    return clientSecretBasic(credential.clientId, credential.clientSecret.reveal());
  }
  const subject = credential.kind === 'application_key' ? credential.clientId : credential.userId;
  return privateKeyJwt(await signAssertion(credential.key, { subject, audience: issuer, jti: jti(), now }));
}

/**
 * Builds the POST that obtains a token. `scope` is always sent, even if empty: ZITADEL refuses a request without it and
 * accepts an empty one. Only an exchange may omit it, which means "the subject's scopes".
 */
export async function buildTokenRequest(request: TokenRequest, deps: SigningDeps): Promise<OAuthRequest> {
  const { issuer, credential, grant, scopes, subjectToken, audiences = [] } = request;
  const scope = scopes.join(' ');
  if (grant === 'jwt-bearer' && credential.kind === 'service_account_key') {
    const { userId: subject, key } = credential;
    const assertion = await signAssertion(key, { subject, audience: issuer, jti: deps.jti(), now: deps.now });
    return createRequest(tokenEndpoint(issuer), NO_CLIENT, { grant_type: GRANT_TYPE.jwtBearer, assertion, scope }, [
      assertion,
    ]);
  }
  const client = await authenticateClient(issuer, credential, deps);
  if (grant === 'token-exchange' && subjectToken !== undefined) {
    return exchangeRequest(issuer, client, scopes, {
      subjectToken,
      subjectTokenType: TOKEN_TYPE.accessToken,
      audiences,
    });
  }
  return createRequest(tokenEndpoint(issuer), client, { grant_type: GRANT_TYPE.clientCredentials, scope }, []);
}

/** The parameters of a token exchange (RFC 8693 §2.1). */
export interface ExchangeParameters {
  readonly subjectToken: Redacted<string>;
  readonly subjectTokenType: string;
  readonly actor?: { readonly token: Redacted<string>; readonly tokenType: string };
  /** The audiences of the exchanged token. Without any, ZITADEL copies those of the subject token. */
  readonly audiences: readonly string[];
  readonly requestedTokenType?: string;
}

/** ZITADEL's own type of subject token: the id of a user. Requires an actor token. */
export const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';

/** Builds the POST that exchanges a token. */
export async function buildExchangeRequest(
  { issuer, credential, scopes }: { issuer: string; credential: Credential; scopes: readonly string[] },
  exchanged: ExchangeParameters,
  deps: SigningDeps,
): Promise<OAuthRequest> {
  return exchangeRequest(issuer, await authenticateClient(issuer, credential, deps), scopes, exchanged);
}

function exchangeRequest(
  issuer: string,
  client: ClientAuthentication,
  scopes: readonly string[],
  { subjectToken, subjectTokenType, actor, audiences, requestedTokenType }: ExchangeParameters,
): OAuthRequest {
  const parameters = {
    grant_type: GRANT_TYPE.tokenExchange,
    subject_token: subjectToken.reveal(),
    subject_token_type: subjectTokenType,
    actor_token: actor?.token.reveal(),
    actor_token_type: actor?.tokenType,
    audience: audiences,
    requested_token_type: requestedTokenType,
    scope: scopes.length === 0 ? undefined : scopes.join(' '),
  };
  // A user id is not a secret, and answers may repeat parts of it.
  const subject = subjectTokenType === USER_ID ? [] : [subjectToken.reveal()];
  const secrets = [...subject, ...(actor === undefined ? [] : [actor.token.reveal()])];
  return createRequest(tokenEndpoint(issuer), client, parameters, secrets);
}
