import { isProfileName } from '../broker/profiles/profile.ts';
import type { Clock } from '../core/clock.ts';
import { GRANT_TYPE } from '../oauth/grant.ts';
import { answerBug, answerError, answerPublic, type GatewayAnswer } from './answer.ts';
import type { GatewayHandler } from './endpoint.ts';
import { members, readGatewayRequest, requestId } from './gateway-request.ts';
import { INTROSPECTION_ROUTE } from './introspection-endpoint.ts';
import type { Log } from './log.ts';
import { REVOCATION_ROUTE } from './revocation-endpoint.ts';
import { TOKEN_ROUTE } from './token-endpoint.ts';

/** The path after the profile. */
const METADATA_ROUTE = '/.well-known/openid-configuration';

export interface MetadataEndpointDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, 'request'>;
  /** The broker's URL, if events do not contain it (with a proxy in front of API Gateway); no trailing slash. */
  readonly publicUrl?: string;
  /** Plain HTTP for loopback hosts: the local stack. */
  readonly isLocal: boolean;
}

/** The endpoints change only with a deployment. */
const MAX_AGE_SECONDS = 300;

/** The path that the caller requested, including stage and base path. */
function requestPath(event: unknown): string {
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
  const { headers, requestContext } = members(event);
  const { domainName } = members(requestContext);
  const domain = typeof domainName === 'string' && DOMAIN.test(domainName) ? domainName : '';
  if (!isLocal) return domain;
  const entry = Object.entries(members(headers)).find(([name]) => name.toLowerCase() === 'host');
  const header = typeof entry?.[1] === 'string' ? entry[1] : '';
  return header.replace(/:\d+$/, '') === domain ? header : domain;
}

/** The broker's URL of a profile, which clients use in place of ZITADEL's issuer. */
function issuerOf(event: unknown, profile: string, { publicUrl, isLocal }: MetadataEndpointDeps): string {
  if (publicUrl !== undefined) return `${publicUrl}/${profile}`;
  const host = requestHost(event, isLocal);
  const path = requestPath(event);
  const base = path.endsWith(METADATA_ROUTE) ? path.slice(0, -METADATA_ROUTE.length) : `/${profile}`;
  const scheme = isLocal && /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(host) ? 'http' : 'https';
  return `${scheme}://${host}${base}`;
}

/** RFC 8414 §2. The same for every name, so that it does not reveal which profiles exist. */
const metadata = (issuer: string): object => ({
  issuer,
  token_endpoint: `${issuer}${TOKEN_ROUTE}`,
  introspection_endpoint: `${issuer}${INTROSPECTION_ROUTE}`,
  revocation_endpoint: `${issuer}${REVOCATION_ROUTE}`,
  response_types_supported: [],
  grant_types_supported: [GRANT_TYPE.clientCredentials, GRANT_TYPE.tokenExchange],
  // Callers authenticate to API Gateway with a signature (SigV4), not to the broker with an OAuth client secret.
  token_endpoint_auth_methods_supported: ['none'],
  introspection_endpoint_auth_methods_supported: ['none'],
  revocation_endpoint_auth_methods_supported: ['none'],
});

/**
 * Creates `GET /{profile}/.well-known/openid-configuration`: the URLs of the broker's endpoints. It needs no identity
 * and reveals nothing about a profile, not even whether it exists.
 */
export function createMetadataEndpoint(deps: MetadataEndpointDeps): GatewayHandler {
  const { clock, log } = deps;
  return async (event, context) => {
    const at = clock.now();
    const id = requestId(event) || (context.awsRequestId ?? '');
    const answer = (): GatewayAnswer => {
      const { profile } = readGatewayRequest(event, METADATA_ROUTE);
      if (!isProfileName(profile))
        return answerError({ kind: 'invalid_request', detail: 'the path does not contain a valid profile name' }, id);
      return answerPublic(metadata(issuerOf(event, profile, deps)), MAX_AGE_SECONDS);
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
