import { describe, expect, test } from 'vitest';
import { createChain } from '../../../infra/proxy/credentials/chain.ts';
import type { SourceDeps } from '../../../infra/proxy/credentials/deps.ts';
import { readSection } from '../../../infra/proxy/credentials/profile.ts';

const NOW = Date.parse('2026-11-26T10:00:00Z');
const ENDS = '2026-11-26T11:00:00Z';
const KEYS = { accessKeyId: 'AKIA', secretAccessKey: 'secret' };
const role = (name: string) => ({ accessKeyId: `ASIA-${name}`, secretAccessKey: 'secret', sessionToken: `st-${name}` });

const json = (name: string, token = 'SessionToken') =>
  JSON.stringify({ AccessKeyId: `ASIA-${name}`, SecretAccessKey: 'secret', [token]: `st-${name}`, Expiration: ENDS });

const STS = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA-sts</AccessKeyId>
  <SecretAccessKey>secret</SecretAccessKey><SessionToken>st-sts</SessionToken><Expiration>${ENDS}</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;

const IMDS: Readonly<Record<string, string>> = {
  'PUT /latest/api/token': 'imds-token',
  'GET /latest/meta-data/iam/security-credentials/': 'web-role\n',
  'GET /latest/meta-data/iam/security-credentials/web-role': json('imds', 'Token'),
};

/** Where the credentials of a case are. */
interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** What the programs print; an error if they fail. */
  readonly run?: (line: string) => string;
  readonly hasInstance?: boolean;
}

function chainOf({ env = {}, files = {}, run = () => '', hasInstance = false }: Given) {
  const asked: string[] = [];
  const lines: string[] = [];
  const program = async (line: string) => {
    lines.push(line);
    return run(line);
  };
  const deps: SourceDeps = {
    env: { HOME: '/home/me', ...env },
    now: () => NOW,
    async request({ url, method = 'GET', body }) {
      asked.push(`${body === undefined ? method : 'POST'} ${url.origin}${url.pathname}${body ? `?${body}` : ''}`);
      if (body !== undefined) return STS;
      const answered = hasInstance ? IMDS[`${method} ${url.pathname}`] : undefined;
      if (answered === undefined) throw new Error('EHOSTUNREACH');
      return answered;
    },
    async readFile(file) {
      const text = files[file];
      if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
      return text;
    },
    run: (file, args) => program([file, ...args].join(' ')),
    runShell: program,
  };
  const send = async () => ({
    status: 200,
    text: async () => json('container', 'Token'),
    headers: { get: () => null },
  });
  return { provide: createChain(deps, send), asked, lines };
}

const CONFIG = '/home/me/.aws/config';
const CREDENTIALS = '/home/me/.aws/credentials';
const keysFile = (title: string) => `[${title}]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n`;
const container = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials' };
const irsa = { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/r', AWS_REGION: 'eu-west-1' };
const environmentKeys = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret' };
const exported = 'aws configure export-credentials --format process --profile';

describe('where credentials come from', () => {
  const cases: readonly (readonly [name: string, given: Given, gets: object])[] = [
    ['the environment, before all', { env: { ...environmentKeys, ...container, ...irsa, AWS_PROFILE: 'a' } }, KEYS],
    ['web identity (IRSA)', { env: { ...irsa, ...container }, files: { '/token': 'jwt\n' } }, role('sts')],
    ['the container', { env: container, files: { [CREDENTIALS]: keysFile('default') } }, role('container')],
    ['the default profile', { files: { [CREDENTIALS]: keysFile('default') }, hasInstance: true }, KEYS],
    ['the default profile of config', { files: { [CONFIG]: keysFile('default') } }, KEYS],
    [
      'a profile by its name, before the container',
      { env: { AWS_PROFILE: 'a', ...container }, files: { [CONFIG]: keysFile('profile a') } },
      KEYS,
    ],
    [
      'a file of another place',
      { env: { AWS_SHARED_CREDENTIALS_FILE: '/c' }, files: { '/c': keysFile('default') } },
      KEYS,
    ],
    [
      'credential_process',
      { files: { [CONFIG]: '[default]\ncredential_process = get "a b"\n' }, run: () => json('run') },
      role('run'),
    ],
    [
      'SSO, by the AWS CLI',
      { env: { AWS_PROFILE: 'a' }, files: { [CONFIG]: '[profile a]\nsso_session = s\n' }, run: () => json('run') },
      role('run'),
    ],
    [
      'a role, before the keys beside it',
      {
        files: { [CREDENTIALS]: keysFile('default'), [CONFIG]: '[default]\nrole_arn = r\nsource_profile = default\n' },
        run: () => json('run'),
      },
      role('run'),
    ],
    [
      'the instance (IMDSv2)',
      { files: { [CONFIG]: '[default]\nregion = eu-west-1\n' }, hasInstance: true },
      role('imds'),
    ],
  ];
  test.each(cases)('%s', async (_name, given, gets) => {
    expect(await chainOf(given).provide()).toMatchObject(gets);
  });

  test('the CLI gets the name of the profile, credential_process the line as written', async () => {
    const named = chainOf({
      env: { AWS_PROFILE: 'a' },
      files: { [CONFIG]: '[profile a]\nsso_session = s\n' },
      run: () => json('run'),
    });
    await named.provide();
    expect(named.lines).toEqual([`${exported} a`]);
    const line = chainOf({
      files: { [CONFIG]: '[default]\ncredential_process = get "a b" # c\n' },
      run: () => json('run'),
    });
    await line.provide();
    expect(line.lines).toEqual(['get "a b" # c']);
  });

  test('STS of the region is asked, with the token as it is now', async () => {
    const files: Record<string, string> = { '/token': 'first' };
    const { provide, asked } = chainOf({ env: irsa, files });
    await provide();
    files['/token'] = 'second';
    expect((await provide()).expiration).toEqual(new Date(ENDS));
    expect(asked.map((one) => one.slice(0, 37))).toEqual(Array(2).fill('POST https://sts.eu-west-1.amazonaws.'));
    expect(asked.map((one) => new URLSearchParams(one).get('WebIdentityToken'))).toEqual(['first', 'second']);
    const china = chainOf({ env: { ...irsa, AWS_REGION: 'cn-north-1' }, files });
    await china.provide();
    expect(china.asked[0]).toContain('https://sts.cn-north-1.amazonaws.com.cn/');
    const emulator = chainOf({ env: { ...irsa, AWS_ENDPOINT_URL_STS: 'http://localhost:4566' }, files });
    await emulator.provide();
    expect(emulator.asked[0]).toContain('http://localhost:4566/');
  });

  test('credentials of a program without an end are read again after 5 minutes', async () => {
    const run = () => JSON.stringify({ Version: 1, AccessKeyId: 'AKIA', SecretAccessKey: 'secret' });
    const { provide } = chainOf({ files: { [CONFIG]: '[default]\ncredential_process = x\n' }, run });
    expect(await provide()).toEqual({ ...KEYS, sessionToken: undefined, expiration: new Date(NOW + 600_000) });
  });
});

describe('without credentials, the error says what to do', () => {
  const failing = (error: object) => () => {
    throw Object.assign(new Error('failed'), error);
  };
  const cases: readonly (readonly [name: string, given: Given, says: RegExp])[] = [
    ['nowhere', {}, /no role of an instance \(IMDSv2: EHOSTUNREACH\); set AWS_PROFILE/],
    ['no such profile', { env: { AWS_PROFILE: 'a' } }, /there is no profile a with credentials/],
    [
      'no CLI',
      { files: { [CONFIG]: '[default]\nsso_session = s\n' }, run: failing({ code: 'ENOENT' }) },
      /needs the AWS CLI 2: install it/,
    ],
    [
      'no session',
      {
        files: { [CONFIG]: '[default]\nsso_session = s\n' },
        run: failing({ code: 255, stderr: '\nToken has expired: run aws sso login\n' }),
      },
      /export-credentials --profile default fails: Token has expired: run aws sso login/,
    ],
    [
      'a process that prints something else',
      { files: { [CONFIG]: '[default]\ncredential_process = x\n' }, run: () => 'secret-of-mine' },
      /credential_process of the profile default gave none/,
    ],
    ['no token file', { env: irsa }, /AWS_WEB_IDENTITY_TOKEN_FILE cannot be read \(ENOENT\)/],
  ];
  test.each(cases)('%s', async (_name, given, says) => {
    const error = await chainOf(given)
      .provide()
      .catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'no_credentials', message: expect.stringMatching(says) });
    expect(String(error)).not.toContain('secret-of-mine');
  });

  test('IMDS can be switched off', async () => {
    const { provide, asked } = chainOf({ env: { AWS_EC2_METADATA_DISABLED: 'true' } });
    await expect(provide()).rejects.toMatchObject({ code: 'no_credentials' });
    expect(asked).toEqual([]);
  });
});

test('a section ends where the next one begins, and nested lines are not its own', () => {
  const text =
    '[default]\nregion=eu\n[profile  "a b"]\r\nRegion = us\r\ns3 =\n  region = nested\n[profile c]\nregion = no\n';
  expect(readSection(text, ['profile a b'])).toEqual({ region: 'us', s3: '' });
  expect(readSection(text, ['default'])).toEqual({ region: 'eu' });
  expect(readSection(text, ['other'])).toEqual({});
});
