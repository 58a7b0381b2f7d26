import { randomBytes } from 'node:crypto';
import type { APIGatewayEventIdentity, APIGatewayProxyEvent } from 'aws-lambda';
import {
  accountOf,
  type Delivery,
  domainName,
  forwardedHeaders,
  grouped,
  mapValues,
  mountOf,
  requestTime,
} from './delivery.ts';
import { queryParameters, soleHeader } from './request.ts';
import { belowMount } from './route.ts';

const last = (values: readonly string[]) => values.at(-1) ?? '';

const orNull = <T extends object>(record: T): T | null => (Object.keys(record).length > 0 ? record : null);

function identity({ request, principal }: Delivery): APIGatewayEventIdentity {
  return {
    accessKey: principal?.accessKeyId ?? null,
    accountId: principal === undefined ? null : accountOf(principal.userArn),
    apiKey: null,
    apiKeyId: null,
    caller: principal?.callerId ?? null,
    clientCert: null,
    cognitoAuthenticationProvider: null,
    cognitoAuthenticationType: null,
    cognitoIdentityId: null,
    cognitoIdentityPoolId: null,
    principalOrgId: principal?.principalOrgId ?? null,
    sourceIp: request.sourceIp,
    user: principal?.callerId ?? null,
    userAgent: soleHeader(request, 'user-agent') ?? null,
    userArn: principal?.userArn ?? null,
  };
}

/**
 * Creates the event of a REST API with IAM authorization and proxy integration, payload format 1.0. The path stays
 * encoded, without a named stage but with a custom domain's base path. The signature is not passed on.
 */
export function eventV1(delivery: Delivery): APIGatewayProxyEvent {
  const { api, request, requestId, receivedAtMs, route, parameters } = delivery;
  const headers = grouped(forwardedHeaders(delivery).filter(([name]) => name.toLowerCase() !== 'authorization'));
  const query = grouped(queryParameters(request.query));
  const isBehindBasePath = api.basePath !== undefined;
  return {
    resource: route.path,
    path: isBehindBasePath ? request.path : (belowMount(request.path, mountOf(api)) ?? request.path),
    httpMethod: request.method,
    headers: mapValues(headers, last),
    multiValueHeaders: headers,
    queryStringParameters: orNull(mapValues(query, last)),
    multiValueQueryStringParameters: orNull(query),
    pathParameters: orNull({ ...parameters }),
    stageVariables: null,
    requestContext: {
      resourceId: 'local0',
      authorizer: undefined,
      resourcePath: route.path,
      httpMethod: request.method,
      extendedRequestId: randomBytes(11).toString('base64'),
      requestTime: requestTime(receivedAtMs),
      path: request.path,
      accountId: api.accountId,
      protocol: 'HTTP/1.1',
      stage: api.stage,
      domainPrefix: domainName(delivery).split('.')[0] ?? '',
      requestTimeEpoch: receivedAtMs,
      requestId,
      identity: identity(delivery),
      domainName: domainName(delivery),
      apiId: api.apiId,
    },
    body: request.body.length > 0 ? request.body.toString('utf8') : null,
    isBase64Encoded: false,
  };
}
