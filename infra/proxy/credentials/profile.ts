import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AwsCredentials } from '../../../client/src/sigv4.ts';
import { loggable } from '../../../lib/core/redacted.ts';
import { noCredentials, readCredentials, type Source, type SourceDeps } from './deps.ts';

type Section = Readonly<Record<string, string>>;

/** The settings of a section of AWS's files: `name = value` after `[title]`; indented lines belong to others. */
export function readSection(text: string, titles: readonly string[]): Section {
  const found: Record<string, string> = {};
  let isInside = false;
  for (const line of text.split(/\r?\n/)) {
    const title = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1]?.replace(/\s+/g, ' ').replaceAll(/["']/g, '');
    if (title !== undefined) isInside = titles.includes(title);
    const [, name, value = ''] = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (isInside && name !== undefined) found[name.toLowerCase()] = value;
  }
  return found;
}

/** Reads a file of AWS's; an absent one is empty. */
const readOrEmpty = ({ readFile }: SourceDeps, file: string): Promise<string> => readFile(file).catch(() => '');

/** The settings of a profile, in the order of precedence of the AWS CLI: the file `credentials`, then `config`. */
async function settingsOf(profile: string, deps: SourceDeps): Promise<{ credentials: Section; config: Section }> {
  const { env } = deps;
  const home = join(env.HOME || env.USERPROFILE || homedir(), '.aws');
  const credentials = await readOrEmpty(deps, env.AWS_SHARED_CREDENTIALS_FILE || join(home, 'credentials'));
  const config = await readOrEmpty(deps, env.AWS_CONFIG_FILE || join(home, 'config'));
  const titles = profile === 'default' ? ['default', 'profile default'] : [`profile ${profile}`];
  return { credentials: readSection(credentials, [profile]), config: readSection(config, titles) };
}

const keysIn = ({ aws_access_key_id: id, aws_secret_access_key: key, aws_session_token: token }: Section): string =>
  JSON.stringify({ AccessKeyId: id, SecretAccessKey: key, SessionToken: token });

/** Settings of a profile whose credentials only the AWS CLI can get. They precede keys, as in the CLI. */
const OF_THE_CLI = /^(?:role_arn|sso_\w+|login_\w+)$/;

/** Reads what a program printed. What it says about a failure is for its user, and has no keys. */
async function fromProgram(printed: Promise<string>, from: string, { now }: SourceDeps): Promise<AwsCredentials> {
  const text = await printed.catch(({ code, stderr }: NodeJS.ErrnoException & { readonly stderr?: string }) => {
    if (code === 'ENOENT') throw noCredentials(`${from} needs the AWS CLI 2: install it`);
    const said = loggable(stderr?.trim().split('\n').at(-1) ?? '');
    throw noCredentials(`${from} fails${said === '' ? '' : `: ${said}`}`);
  });
  return readCredentials(text, from, now());
}

/**
 * The profile that `AWS_PROFILE` names, or `default` if there is one: its keys or its `credential_process`; for all others
 * (SSO, login, roles to assume) the AWS CLI is asked, which knows them.
 */
export const fromProfile: Source = async (deps) => {
  const { env, now, run, runShell } = deps;
  const profile = env.AWS_PROFILE || 'default';
  const { credentials, config } = await settingsOf(profile, deps);
  const both = { ...config, ...credentials };
  if (Object.keys(both).some((name) => OF_THE_CLI.test(name))) {
    const args = ['configure', 'export-credentials', '--format', 'process', '--profile', profile];
    return fromProgram(run('aws', args), `aws configure export-credentials --profile ${profile}`, deps);
  }
  const line = credentials.aws_access_key_id ? undefined : both.credential_process;
  if (line !== undefined) return fromProgram(runShell(line), `credential_process of the profile ${profile}`, deps);
  if (both.aws_access_key_id !== undefined) return readCredentials(keysIn(both), `the profile ${profile}`, now());
  if (!env.AWS_PROFILE) return undefined;
  throw noCredentials(`there is no profile ${profile} with credentials in ~/.aws/config or ~/.aws/credentials`);
};
