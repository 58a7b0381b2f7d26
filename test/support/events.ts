import type { InvocationContext } from '../../lib/http/endpoint.ts';

/** An HTTP API event (payload 2.0) as API Gateway makes it for a caller that it has authorised with IAM. */
export function tokenEvent(
  profile: string,
  body: string,
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    version: '2.0',
    routeKey: 'POST /{profile}/oauth/v2/token',
    rawPath: `/${profile}/oauth/v2/token`,
    rawQueryString: '',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    pathParameters: { profile },
    requestContext: {
      accountId: '210987654321',
      requestId: 'request-0001=',
      authorizer: {
        iam: {
          accessKey: 'ASIAEXAMPLE',
          accountId: '123456789012',
          callerId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
          cognitoIdentity: null,
          principalOrgId: null,
          userArn: 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc',
          userId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
        },
      },
    },
    body: Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
    ...changes,
  };
}

/** The context of an invocation that has just begun. */
export const context = (remainingMs = 15_000): InvocationContext => ({ getRemainingTimeInMillis: () => remainingMs });
