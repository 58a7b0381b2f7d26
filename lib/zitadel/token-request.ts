import type { Redacted } from '../core/redacted.ts';
import type { EpochMs } from '../core/time.ts';
import { signAssertion } from '../oauth/assertion.ts';
import { type ClientAuthentication, clientSecretBasic, privateKeyJwt } from '../oauth/client-authentication.ts';
import { GRANT_TYPE, TOKEN_TYPE } from '../oauth/grant.ts';
import type { OAuthRequest } from '../oauth/transport.ts';
import type { Credential } from './credential.ts';
import type { Grant } from './grant.ts';
import { createRequest } from './upstream.ts';

/** What a request for a token is made of. */
export interface TokenRequest {
  /** Scheme, host and port; no path, no trailing slash. */
  readonly issuer: string;
  readonly credential: Credential;
  readonly grant: Grant;
  readonly scopes: readonly string[];
  /** The token that is exchanged; with `token-exchange` only. */
  readonly subjectToken?: Redacted<string>;
  /** What the exchanged token may have as its audience: without any, ZITADEL would copy all that the subject has. */
  readonly audiences?: readonly string[];
}

/** Where ZITADEL takes token requests: always on the issuer's own origin. */
const tokenEndpoint = (issuer: string): string => `${issuer}/oauth/v2/token`;

const NO_CLIENT: ClientAuthentication = { parameters: {}, secrets: [] };

/** `jti` is asked for once for each assertion. */
export interface SigningDeps {
  readonly now: EpochMs;
  readonly jti: () => string;
}

/** Builds the client authentication that a credential has at every endpoint of ZITADEL. */
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
 * Builds the one POST that obtains a token. `scope` is always sent, empty if need be: ZITADEL refuses a request without
 * it and accepts an empty one; only an exchange without it means "the subject's scopes".
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

/** What is exchanged for what (RFC 8693 §2.1). */
export interface ExchangeParameters {
  readonly subjectToken: Redacted<string>;
  readonly subjectTokenType: string;
  readonly actor?: { readonly token: Redacted<string>; readonly tokenType: string };
  /** What the exchanged token may have as its audience: without any, ZITADEL copies the subject's. */
  readonly audiences: readonly string[];
  readonly requestedTokenType?: string;
}

/** ZITADEL's own type of subject: a user by id, who needs an actor. */
export const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';

/** Builds the one POST that exchanges a token. */
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
  // The id of a user is no secret: answers may well repeat pieces of it.
  const subject = subjectTokenType === USER_ID ? [] : [subjectToken.reveal()];
  const secrets = [...subject, ...(actor === undefined ? [] : [actor.token.reveal()])];
  return createRequest(tokenEndpoint(issuer), client, parameters, secrets);
}
