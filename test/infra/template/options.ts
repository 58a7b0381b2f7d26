import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool, type Template } from './packaged.ts';

/** Every parameter of a deployment that is empty, off or another by default; those of a private API are left empty. */
export const ALL_OPTIONS: Readonly<Record<string, string>> = {
  alarmTopicArn: 'arn:aws:sns:us-east-1:123456789012:alarms',
  api: 'http',
  apiLogsRole: '',
  basePath: 'broker',
  caBundle: 'ca.pem',
  callerAccounts: '',
  callerOrganization: '',
  callerRate: '50',
  certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000003',
  deletionProtection: 'true',
  domainName: 'tokens.example.com',
  existingLogGroups: 'metadata',
  federatedReservedConcurrency: '5',
  federatedThrottleBurst: '10',
  federatedThrottleRate: '5',
  fips: 'true',
  httpsProxy: 'http://proxy.example.com:3128',
  logRetentionDays: '365',
  metadataIssuer: 'https://example.zitadel.cloud',
  metricsByProfile: 'true',
  noProxy: 'amazonaws.com',
  permissionsBoundaryArn: 'arn:aws:iam::123456789012:policy/boundary',
  prewarmSchedule: 'rate(2 minutes)',
  publicUrl: 'https://tokens.example.com',
  requestTimeoutSeconds: '5',
  reservedConcurrency: '20',
  runbooksUrl: 'https://wiki.example.com/broker/runbooks',
  secretsKmsKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000001',
  secretsPrefix: 'zitadel/',
  tableKmsKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000002',
  throttleBurst: '20',
  throttleRate: '10',
  tracing: 'Active',
  trafficShift: 'Canary10Percent5Minutes',
  vpcEndpointIds: '',
  vpcSecurityGroupIds: 'sg-0123456789abcdef0',
  vpcSubnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
};

/** The same with a private API, which has parameters of its own. */
export const ALL_PRIVATE_OPTIONS: Readonly<Record<string, string>> = {
  ...ALL_OPTIONS,
  api: 'private',
  apiLogsRole: 'create',
  callerAccounts: '210987654321,321098765432',
  callerOrganization: 'o-a1b2c3d4e5',
  vpcEndpointIds: 'vpce-0123456789abcdef0,vpce-0123456789abcdef1',
};

/** With keys of one's own, functions use them; how, RIGHTS says. One log group exists and is not of the stack. */
export const WITH_OWN_KEYS: readonly string[] = [
  'zitadel-token-broker-dev-metadata',
  ...['PrewarmRole', 'RevokeRole', 'TokenRole', 'IntrospectRole', 'RotateRole', 'FederatedRole'].map(
    (role) => `${role}: kms:Decrypt`,
  ),
  'RotateRole: kms:GenerateDataKey',
];

/** How a template is packaged. */
export interface Again {
  /** `us-east-1` by default. */
  readonly region?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** With the bundles, and with `dist/`. */
  readonly isWhole?: boolean;
}

/**
 * Packages the template of a copy of the service once more, for the stage `dev`.
 * @param home as `copyService` answers it, or `packageService`, whose template is overwritten
 */
export async function packageAgain(
  home: string,
  { region = 'us-east-1', params = {}, isWhole }: Again,
): Promise<Template> {
  const set = Object.entries(params).flatMap(([name, value]) => (value === '' ? [] : ['--param', `${name}=${value}`]));
  cpSync(join(import.meta.dirname, '../../proof/hostile/certificates/ca.pem'), join(home, 'ca.pem'));
  const onlyTemplate: Record<string, string> = isWhole ? {} : { PACKAGE_ONLY: 'template' };
  await runTool(home, ['package', '--stage', 'dev', '--region', region, ...set], onlyTemplate);
  return JSON.parse(readFileSync(join(home, '.serverless/cloudformation-template-update-stack.json'), 'utf8'));
}
