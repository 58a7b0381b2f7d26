import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Context } from 'aws-lambda';
import { z } from 'zod';

const logger = new Logger({ serviceName: 'token-broker' });
const metrics = new Metrics({ namespace: 'token-broker', serviceName: 'token-broker' });
const secrets = new SecretsManagerClient({});
const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));

const Event = z.object({
  pathParameters: z.object({ profile: z.string() }),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  isBase64Encoded: z.boolean(),
  requestContext: z.object({ requestId: z.string(), authorizer: z.object({ iam: z.object({ userArn: z.string() }) }) }),
});
const Form = z.object({ grant_type: z.literal('client_credentials'), scope: z.string().optional() });
const Secret = z.object({ clientId: z.string(), clientSecret: z.string() });
const TokenAnswer = z.object({ access_token: z.string(), token_type: z.string(), expires_in: z.number() });
const Item = z.object({ pk: z.string(), token: z.string(), expiresAt: z.number() });

let kept: { token: string; expiresAt: number } | undefined;

const answer = ({ token, expiresAt }: { token: string; expiresAt: number }) => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    access_token: token,
    token_type: 'Bearer',
    expires_in: Math.floor((expiresAt - Date.now()) / 1000),
  }),
});

/** What is usually written: clients of the SDK, a cache in memory and in the table, a logger, a schema. */
export async function handler(event: unknown, context: Context): Promise<object> {
  logger.addContext(context);
  const { body, isBase64Encoded, pathParameters, requestContext } = Event.parse(event);
  Form.parse(Object.fromEntries(new URLSearchParams(isBase64Encoded ? Buffer.from(body, 'base64').toString() : body)));
  const caller = requestContext.authorizer.iam.userArn;
  if (!caller.startsWith('arn:aws:sts::123456789012:assumed-role/orders-service/')) return { statusCode: 403 };
  if (kept === undefined || kept.expiresAt - Date.now() < 60_000) {
    const { Item: found } = await table.send(
      new GetCommand({ TableName: process.env.TABLE_NAME, Key: { pk: 'orders' } }),
    );
    const item = Item.safeParse(found);
    if (item.success && item.data.expiresAt - Date.now() > 60_000) kept = item.data;
    else {
      const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: 'orders' }));
      const { clientId, clientSecret } = Secret.parse(JSON.parse(SecretString));
      const response = await fetch(`${process.env.ISSUER}/oauth/v2/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'openid' }),
      });
      const { access_token: token, expires_in: seconds } = TokenAnswer.parse(await response.json());
      kept = { token, expiresAt: Date.now() + seconds * 1000 };
      await table.send(new PutCommand({ TableName: process.env.TABLE_NAME, Item: { pk: 'orders', ...kept } }));
      metrics.addMetric('TokenRequests', MetricUnit.Count, 1);
    }
  } else metrics.addMetric('Hits', MetricUnit.Count, 1);
  logger.info('token handed out', { profile: pathParameters.profile, caller, requestId: requestContext.requestId });
  metrics.publishStoredMetrics();
  return answer(kept);
}
