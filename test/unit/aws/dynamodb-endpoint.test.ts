import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { dynamoDbEndpoint } from '../../../lib/aws/dynamodb-call.ts';

const REGIONS = [
  'eu-central-1',
  'us-east-1',
  'ap-southeast-5',
  'us-gov-east-1',
  'us-gov-west-1',
  'cn-north-1',
  'us-iso-east-1',
];
const CHOICES = [false, true].flatMap((dualStack) => [false, true].map((fips) => ({ dualStack, fips })));

test.each(REGIONS.flatMap((region) => CHOICES.map((choice) => ({ region, ...choice }))))(
  'DynamoDB in $region, dual stack $dualStack, FIPS $fips: where the client of AWS finds it',
  ({ region, dualStack, fips }) => {
    const { endpointProvider } = new DynamoDBClient({ region }).config;
    const { url } = endpointProvider({ Region: region, UseFIPS: fips, UseDualStack: dualStack });
    const env = { AWS_USE_DUALSTACK_ENDPOINT: String(dualStack), AWS_USE_FIPS_ENDPOINT: String(fips) };
    expect(dynamoDbEndpoint(region, env).href).toBe(url.href);
  },
);

test.each([
  ['for DynamoDB', { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }],
  ['for all services', { AWS_ENDPOINT_URL: 'http://127.0.0.1:8000' }],
])('an endpoint of its own, %s', (_name, env) => {
  expect(dynamoDbEndpoint('eu-central-1', env).href).toBe('http://127.0.0.1:8000/');
});
