import type {
  APIGatewayEventRequestContextIAMAuthorizer,
  APIGatewayEventRequestContextV2,
  APIGatewayEventRequestContextV2WithAuthorizer,
  APIGatewayProxyEventV2WithRequestContext,
} from 'aws-lambda';
import { accountOf, type Delivery, domainName, forwardedHeaders, grouped, mapValues, requestTime } from './delivery.ts';
import { headerValues, percentDecode, queryParameters, soleHeader } from './request.ts';
import type { Principal } from './sigv4.ts';

type Iam = Omit<APIGatewayEventRequestContextIAMAuthorizer['iam'], 'principalOrgId'> & {
  // The published type omits the value for accounts outside an organization.
  readonly principalOrgId: string | null;
};

/** The event of an HTTP API, payload format 2.0; without an authorizer if the route is public. */
export type HttpApiEvent = APIGatewayProxyEventV2WithRequestContext<
  APIGatewayEventRequestContextV2 &
    Partial<Pick<APIGatewayEventRequestContextV2WithAuthorizer<{ readonly iam: Iam }>, 'authorizer'>>
>;

/** HTTP APIs pass a body of these types as text, and all others, including forms, in base64. */
const TEXT = /^(?:text\/[^;]+|application\/(?:json|javascript|xml))\s*(?:;|$)/i;

function iam({ accessKeyId, userArn, callerId, principalOrgId }: Principal): Iam {
  return {
    accessKey: accessKeyId,
    accountId: accountOf(userArn),
    callerId,
    cognitoIdentity: null,
    principalOrgId: principalOrgId ?? null,
    userArn,
    userId: callerId,
  };
}

/** Creates the event. As HTTP APIs do, it moves cookies out of the headers and decodes the path. */
export function eventV2(delivery: Delivery): HttpApiEvent {
  const { api, request, principal, requestId, receivedAtMs, route, parameters } = delivery;
  const cookies = headerValues(request, 'cookie').flatMap((header) => header.split(/;\s*/));
  const headers = forwardedHeaders(delivery).filter(([name]) => name.toLowerCase() !== 'cookie');
  const query = grouped(queryParameters(request.query));
  const path = percentDecode(request.path) ?? request.path;
  const routeKey = `${route.method} ${route.path}`;
  const isText = TEXT.test(soleHeader(request, 'content-type') ?? '');
  const hasBody = request.body.length > 0;
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: request.query,
    ...(cookies.length > 0 && { cookies }),
    headers: mapValues(
      grouped(headers, (name) => name.toLowerCase()),
      (values) => values.join(','),
    ),
    ...(request.query !== '' && { queryStringParameters: mapValues(query, (values) => values.join(',')) }),
    requestContext: {
      accountId: api.accountId,
      apiId: api.apiId,
      ...(principal && { authorizer: { iam: iam(principal) } }),
      domainName: domainName(delivery),
      domainPrefix: domainName(delivery).split('.')[0] ?? '',
      http: {
        method: request.method,
        path,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp,
        userAgent: soleHeader(request, 'user-agent') ?? '',
      },
      requestId,
      routeKey,
      stage: api.stage,
      time: requestTime(receivedAtMs),
      timeEpoch: receivedAtMs,
    },
    ...(Object.keys(parameters).length > 0 && { pathParameters: { ...parameters } }),
    ...(hasBody && { body: request.body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: hasBody && !isText,
  };
}
