import type { Redacted } from '../core/redacted.ts';
import type { EpochMs } from '../core/time.ts';
import { signAssertion } from '../oauth/assertion.ts';
import { type ClientAuthentication, clientSecretBasic, privateKeyJwt } from '../oauth/client-authentication.ts';
import { encodeForm } from '../oauth/form.ts';
import { GRANT_TYPE, TOKEN_TYPE } from '../oauth/grant.ts';
import type { OAuthRequest } from '../oauth/transport.ts';
import type { Credential } from './credential.ts';
import type { Grant } from './grant.ts';

/** What a request for a token is made of. */
export interface TokenRequest {
  /** Scheme, host and port; no path, no trailing slash. */
  readonly issuer: string;
  readonly credential: Credential;
  readonly grant: Grant;
  readonly scopes: readonly string[];
  /** The token that is exchanged; with `token-exchange` only. */
  readonly subjectToken?: Redacted<string>;
}

/** Where ZITADEL takes token requests: always on the issuer's own origin. */
export const tokenEndpoint = (issuer: string): string => `${issuer}/oauth/v2/token`;

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
 * Builds the one POST that earns a token. `scope` is always sent, empty if need be: ZITADEL refuses a request without
 * it and accepts an empty one; only an exchange without it means "the subject's scopes".
 */
export async function buildTokenRequest(request: TokenRequest, deps: SigningDeps): Promise<OAuthRequest> {
  const { issuer, credential, grant, scopes, subjectToken } = request;
  const scope = scopes.join(' ');
  if (grant === 'jwt-bearer' && credential.kind === 'service_account_key') {
    const { userId: subject, key } = credential;
    const assertion = await signAssertion(key, { subject, audience: issuer, jti: deps.jti(), now: deps.now });
    return toRequest(issuer, NO_CLIENT, { grant_type: GRANT_TYPE.jwtBearer, assertion, scope }, [assertion]);
  }
  const client = await authenticateClient(issuer, credential, deps);
  if (grant === 'token-exchange') {
    const subject = subjectToken?.reveal() ?? '';
    const parameters = {
      grant_type: GRANT_TYPE.tokenExchange,
      subject_token: subject,
      subject_token_type: TOKEN_TYPE.accessToken,
      scope: scope === '' ? undefined : scope,
    };
    return toRequest(issuer, client, parameters, [subject]);
  }
  return toRequest(issuer, client, { grant_type: GRANT_TYPE.clientCredentials, scope }, []);
}

function toRequest(
  issuer: string,
  client: ClientAuthentication,
  parameters: Readonly<Record<string, string | undefined>>,
  secrets: readonly string[],
): OAuthRequest {
  return {
    url: tokenEndpoint(issuer),
    ...(client.authorization === undefined ? {} : { authorization: client.authorization }),
    body: encodeForm({ ...parameters, ...client.parameters }),
    secrets: [...client.secrets, ...secrets],
  };
}
