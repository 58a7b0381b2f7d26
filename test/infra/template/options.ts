import { execFile } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Template } from './packaged.ts';

const run = promisify(execFile);
const osls = join(import.meta.dirname, '../../../node_modules/.bin/osls');

/** Every parameter of a deployment that is empty, off or another by default. */
export const ALL_OPTIONS: Readonly<Record<string, string>> = {
  alarmTopicArn: 'arn:aws:sns:eu-central-1:123456789012:alarms',
  caBundle: 'ca.pem',
  deletionProtection: 'true',
  httpsProxy: 'http://proxy.example.com:3128',
  logRetentionDays: '365',
  metadataIssuer: 'https://example.zitadel.cloud',
  metricsByProfile: 'true',
  noProxy: 'amazonaws.com',
  prewarmSchedule: 'rate(2 minutes)',
  publicUrl: 'https://tokens.example.com',
  requestTimeoutSeconds: '5',
  reservedConcurrency: '20',
  runbooksUrl: 'https://wiki.example.com/broker/runbooks',
  secretsKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000001',
  tableKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000002',
  throttleBurst: '20',
  throttleRate: '10',
  tracing: 'Active',
};

/**
 * Packages once more what `packageService` has packaged, with parameters, for the stage `dev`.
 * @param home as `packageService` answers it; its template is overwritten
 */
export async function packageAgain(home: string, options: Readonly<Record<string, string>>): Promise<Template> {
  const set = Object.entries(options).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  cpSync(join(import.meta.dirname, '../../proof/hostile/certificates/ca.pem'), join(home, 'ca.pem'));
  const quiet = { SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off' };
  const PROFILES_FILE = join(home, 'profiles-of-the-test.yml');
  const env = { PATH: process.env.PATH ?? '', HOME: home, PROFILES_FILE, ...quiet };
  await run(process.execPath, [osls, 'package', '--stage', 'dev', ...set], { cwd: home, env });
  return JSON.parse(readFileSync(join(home, '.serverless/cloudformation-template-update-stack.json'), 'utf8'));
}
