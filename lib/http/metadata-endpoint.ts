import { ALGORITHMS } from '../broker/profiles/federated-caller.ts';
import { isProfileName } from '../broker/profiles/profile.ts';
import type { Clock } from '../core/clock.ts';
import { GRANT_TYPE } from '../oauth/grant.ts';
import { answerBug, answerError, answerPublic, type GatewayAnswer } from './answer.ts';
import type { GatewayHandler } from './endpoint.ts';
import { header, members, readGatewayRequest, requestId } from './gateway-request.ts';
import { INTROSPECTION_ROUTE } from './introspection-endpoint.ts';
import type { Log } from './log.ts';
import { REVOCATION_ROUTE } from './revocation-endpoint.ts';
import { TOKEN_ROUTE } from './token-endpoint.ts';

/** OpenID Connect Discovery 1.0 §4: after the issuer's path. */
const OPENID_ROUTE = '/.well-known/openid-configuration';
/** RFC 8414 §3.1: between host and path of the issuer; many clients look for it after the path instead. */
const OAUTH_ROUTE = '/.well-known/oauth-authorization-server';

/** Before the profile in the paths for callers without IAM. */
const FEDERATED = '/federated/';

/** How a path asks for metadata. */
interface Asked {
  readonly profile: string;
  /** The path of the issuer: the stage or base path, and the profile. */
  readonly issuerPath: string;
  readonly isOpenId: boolean;
}

export interface MetadataEndpointDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, 'request'>;
  /** The broker's URL, if events do not contain it (with a proxy in front of API Gateway); no trailing slash. */
  readonly publicUrl?: string;
  /** ZITADEL's issuer, whose authorization endpoint and keys OpenID clients require in the document. */
  readonly zitadelIssuer?: string;
  /** The local stack, which may speak plain HTTP. */
  readonly isLocal: boolean;
}

/** The endpoints change only with a deployment. */
const MAX_AGE_SECONDS = 300;

/** The path that the caller requested, including stage and base path. */
export function requestPath(event: unknown): string {
  const { rawPath, path, requestContext } = members(event);
  // REST events omit the stage from `path`; the context contains it.
  const candidates = [rawPath, members(requestContext).path, path];
  return String(candidates.find((candidate) => typeof candidate === 'string') ?? '');
}

const DOMAIN = /^[a-z0-9](?:[a-z0-9.-]{0,252})$/i;

/**
 * The domain that API Gateway has verified, or an empty string. Anything that the caller adds to it (a port, a user)
 * must not enter an answer that caches serve to others. Only the local stack, which has no cache, keeps the port.
 */
function requestHost(event: unknown, isLocal: boolean): string {
  const { domainName } = members(members(event).requestContext);
  const domain = typeof domainName === 'string' && DOMAIN.test(domainName) ? domainName : '';
  if (!isLocal) return domain;
  const host = header(event, 'host');
  return host.replace(/:\d+$/, '') === domain ? host : domain;
}

/** The scheme and the host of the request. */
export function originOf(event: unknown, isLocal: boolean): string {
  const scheme = isLocal && header(event, 'x-forwarded-proto') === 'http' ? 'http' : 'https';
  return `${scheme}://${requestHost(event, isLocal)}`;
}

/** What the path asks for; the path parameter names the profile where an operator's own route has another path. */
function readPath(event: unknown): Asked | undefined {
  const path = requestPath(event);
  const isOpenId = !path.endsWith(OAUTH_ROUTE);
  const { profile } = readGatewayRequest(event, isOpenId ? OPENID_ROUTE : OAUTH_ROUTE);
  const inserted = path.indexOf(`${OAUTH_ROUTE}/`);
  if (inserted >= 0) {
    // With a stage or a base path before it, the path of the issuer would be another.
    const issuerPath = path.slice(OAUTH_ROUTE.length);
    const name = issuerPath.slice(issuerPath.startsWith(FEDERATED) ? FEDERATED.length : 1);
    return inserted === 0 ? { profile: name, issuerPath, isOpenId: false } : undefined;
  }
  const route = isOpenId ? OPENID_ROUTE : OAUTH_ROUTE;
  const issuerPath = path.endsWith(route) ? path.slice(0, -route.length) : `/${profile}`;
  return { profile, issuerPath, isOpenId };
}

/** Whether the path is that of callers without IAM. */
const isFederated = (issuerPath: string, profile: string): boolean => issuerPath.endsWith(`${FEDERATED}${profile}`);

/** The broker's URL of a profile, which clients use in place of ZITADEL's issuer. */
function issuerOf(
  event: unknown,
  { profile, issuerPath }: Asked,
  { publicUrl, isLocal }: MetadataEndpointDeps,
): string {
  if (publicUrl !== undefined) return `${publicUrl}${isFederated(issuerPath, profile) ? FEDERATED : '/'}${profile}`;
  return `${originOf(event, isLocal)}${issuerPath}`;
}

/** RFC 8414 §2. The same for every name, so that it does not reveal which profiles exist. */
const metadata = (issuer: string): object => ({
  issuer,
  token_endpoint: `${issuer}${TOKEN_ROUTE}`,
  introspection_endpoint: `${issuer}${INTROSPECTION_ROUTE}`,
  revocation_endpoint: `${issuer}${REVOCATION_ROUTE}`,
  // No response type: there is no authorization endpoint. Parsers refuse an empty list.
  response_types_supported: ['none'],
  grant_types_supported: [GRANT_TYPE.clientCredentials, GRANT_TYPE.tokenExchange],
  // Callers authenticate to API Gateway with a signature (SigV4), not to the broker with an OAuth client secret.
  token_endpoint_auth_methods_supported: ['none'],
  introspection_endpoint_auth_methods_supported: ['none'],
  revocation_endpoint_auth_methods_supported: ['none'],
});

/** The same for callers without IAM, who request tokens only. */
const federatedMetadata = (issuer: string): object => ({
  issuer,
  token_endpoint: `${issuer}${TOKEN_ROUTE}`,
  response_types_supported: ['none'],
  grant_types_supported: [GRANT_TYPE.clientCredentials, GRANT_TYPE.tokenExchange],
  // RFC 7523 §2.2, and draft-ietf-oauth-spiffe-client-auth.
  token_endpoint_auth_methods_supported: ['private_key_jwt', 'spiffe_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
});

/** What OpenID Connect Discovery 1.0 §3 requires besides: ZITADEL's own. */
const openIdMetadata = (zitadelIssuer: string): object => ({
  authorization_endpoint: `${zitadelIssuer}/oauth/v2/authorize`,
  jwks_uri: `${zitadelIssuer}/oauth/v2/keys`,
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
});

/**
 * Creates the endpoint of the metadata documents: the URLs of the broker's endpoints. It needs no identity and reveals
 * nothing about a profile, not even whether it exists.
 */
export function createMetadataEndpoint(deps: MetadataEndpointDeps): GatewayHandler {
  const { clock, log } = deps;
  return async (event, context) => {
    const at = clock.now();
    const id = requestId(event) || (context.awsRequestId ?? '');
    const answer = (): GatewayAnswer => {
      const asked = readPath(event);
      if (asked === undefined || !isProfileName(asked.profile))
        return answerError({ kind: 'invalid_request', detail: 'the path does not contain a valid profile name' }, id);
      const { zitadelIssuer } = deps;
      const openId = asked.isOpenId && zitadelIssuer !== undefined ? openIdMetadata(zitadelIssuer) : {};
      const describe = isFederated(asked.issuerPath, asked.profile) ? federatedMetadata : metadata;
      return answerPublic({ ...describe(issuerOf(event, asked, deps)), ...openId }, MAX_AGE_SECONDS);
    };
    let answered: GatewayAnswer;
    try {
      answered = answer();
    } catch {
      answered = answerBug(id);
    }
    log.request({
      at,
      requestId: id,
      route: 'metadata',
      profile: '',
      status: answered.statusCode,
      durationMs: clock.now() - at,
    });
    return answered;
  };
}
