import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createZitadel } from '../../infra/local/zitadel/server.ts';
import accounts from '../recordings/accounts.json' with { type: 'json' };
import { curlVersion, MIN_CURL } from '../support/curl-version.ts';
import { sendSigned } from '../support/signed-request.ts';
import { turn } from '../support/turns.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const main = join(root, 'infra/local/main.ts');

/** What a stack prints until it is ready. */
async function welcome(stack: ChildProcess): Promise<string> {
  let printed = '';
  const take = (chunk: Buffer) => {
    printed += chunk;
  };
  stack.stdout?.on('data', take);
  stack.stderr?.on('data', take);
  while (!printed.includes('Ctrl-C')) {
    if (stack.exitCode !== null) throw new Error(`the stack has ended: ${printed}`);
    await turn();
  }
  return printed;
}

/** The credentials in the first printed command, as the environment of a service, and the broker's URL. */
function readCommand(printed: string) {
  const [, id, secret, token, url = ''] =
    /--user "(ASIA\w+):([\w-]+)" --header "x-amz-security-token: ([\w-]+)" .* (https?:\/\/[\w.:]+)\//.exec(printed) ??
    [];
  const keys = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token };
  return { env: { ...keys, AWS_REGION: 'eu-central-1' }, url };
}

/** What `npm start` runs, with these arguments, until it ends by itself. */
async function ended(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, [main, ...args], { cwd: root })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe('the local stack', () => {
  let stack: ChildProcess;
  let printed = '';
  const log: Buffer[] = [];
  const logged = () => Buffer.concat(log).toString();
  beforeAll(async () => {
    stack = spawn(process.execPath, [main, '--port', '0'], { cwd: root });
    stack.stdout?.on('data', (chunk: Buffer) => log.push(chunk));
    printed = await welcome(stack);
  });
  afterAll(() => void stack.kill('SIGKILL'));

  test('prints a ready-made command for each profile', () => {
    const commands = printed.split('\n').filter((line) => line.startsWith('curl '));
    expect(commands.map((command) => /\d\/([\w/]+)\/oauth\/v2\/token$/.exec(command)?.[1])).toEqual([
      'orders',
      'federated/orders',
      'federated/orders',
      'reports',
      'billing',
      'shipping',
    ]);
  });

  test.skipIf(curlVersion < MIN_CURL).each([
    ['a pod of a cluster', 'kubernetes:system:serviceaccount:shop:orders'],
    ['a job at GitHub', 'github:repo:octo@2/app@1:ref:refs/heads/main'],
  ])('by curl alone, from the assertion of %s to an introspected token of ZITADEL', async (workload, caller) => {
    const [, federated = ''] = new RegExp(`# orders, for ${workload} without IAM.*\n(curl .*)`).exec(printed) ?? [];
    const { stdout } = await run('sh', ['-c', federated]);
    const { access_token: token, token_type } = JSON.parse(stdout);
    expect(token_type).toBe('Bearer');
    expect(logged()).toContain(`"caller":"${caller}","status":200`);

    const [signed = ''] = /^curl .*\/orders\/oauth\/v2\/token$/m.exec(printed) ?? [];
    const introspect = signed.replace(/grant_type=\S+/, `token=${token}`).replace(/token$/, 'introspect');
    expect(JSON.parse((await run('sh', ['-c', introspect])).stdout)).toMatchObject({ active: true });
  });

  test('serves the page at the address that it prints', async () => {
    const [, page = '', key = ''] = /(http:\/\/127\.0\.0\.1:\d+\/)#key=(\S+)/.exec(printed) ?? [];
    expect((await fetch(page)).headers.get('content-type')).toBe('text/html; charset=utf-8');
    const token = await fetch(`${page}api/token/reports`, { method: 'POST', headers: { 'x-page-key': key } });
    expect(await token.text()).toBe('reports: answered 200, from ZITADEL.');
  });

  test('the example gets a token with the printed key, and then the same one from the cache', async () => {
    const { env, url } = readCommand(printed);
    const script = `
      const { getToken } = await import(${JSON.stringify(join(root, 'docs/examples/get-token.ts'))});
      const [first, second] = [await getToken('${url}', 'orders'), await getToken('${url}', 'orders')];
      console.log(first.length > 100 && first === second);
      await getToken('${url}', 'reports').catch(({ message }) => console.log(message));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { env, cwd: tmpdir() });
    // The role's policy is for orders alone, so API Gateway refuses it, and the log says so.
    expect(stdout).toMatch(/^true\nno token for reports: 403 /);
    const refusal = /403 to POST \/reports\/\S+: the IAM policy of \S+orders-service\S+ does not allow/;
    while (!refusal.test(logged())) await turn();
  });

  test('a standard OAuth client does all five things by changing its server URL only', async () => {
    const { env, url } = readCommand(printed);
    const { stdout } = await run(process.execPath, [join(root, 'docs/examples/oauth-client.ts'), url], {
      env,
      cwd: root,
    });
    expect(stdout.split('\n')).toEqual([
      `metadata: ${url}/orders/oauth/v2/token`,
      expect.stringMatching(/^token: lives 431\d\d s$/),
      'introspection: active true',
      'exchange: another token true',
      'revocation: active false',
      '',
    ]);
  });

  test('ends with Ctrl-C', async () => {
    const end = once(stack, 'exit');
    stack.kill('SIGINT');
    expect(await end).toEqual([0, null]);
  });
});

test('npm start with your own profiles and secrets, at your own ZITADEL, with https and a limit, until SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'own-'));
  const zitadel = await createZitadel({ accounts });
  const { saSecret, project } = accounts;
  const profile = {
    issuer: zitadel.url,
    secret: 'mine',
    scopes: [`urn:zitadel:iam:org:project:id:${project}:aud`],
    callers: ['arn:aws:iam::123456789012:role/mine-*'],
  };
  writeFileSync(join(folder, 'profiles.yml'), JSON.stringify({ profiles: { mine: profile } }));
  writeFileSync(
    join(folder, 'secrets.json'),
    JSON.stringify({ mine: { clientId: saSecret.clientId, clientSecret: saSecret.clientSecret } }),
  );
  const args = [
    '--port',
    '0',
    '--no-zitadel',
    '--tls',
    '--proxy',
    '--throttle',
    '0:2',
    '--profiles',
    join(folder, 'profiles.yml'),
    '--secrets',
    join(folder, 'secrets.json'),
  ];
  const stack = spawn('npm', ['start', '--', ...args], { cwd: root, detached: true });
  try {
    const printed = await welcome(stack);
    expect(printed).not.toContain('stand-in');
    const [, authorityFile = ''] = /--cacert "([^"]+)"/.exec(printed) ?? [];
    const { env, url } = readCommand(printed);
    const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
    const principal = {
      accessKeyId,
      secretAccessKey,
      sessionToken: env.AWS_SESSION_TOKEN ?? '',
      userArn: '',
      callerId: '',
    };
    const asked = {
      url: `${url}/mine/oauth/v2/token`,
      principal,
      at: new Date(),
      body: 'grant_type=client_credentials',
      authority: readFileSync(authorityFile, 'utf8'),
    };
    const [, unsigned = ''] = /^curl --silent --data \S+ (http:\S+)$/m.exec(printed) ?? [];
    const proxied = async () =>
      (await fetch(unsigned, { method: 'POST', body: new URLSearchParams(asked.body) })).status;
    expect([(await sendSigned(asked)).status, await proxied(), await proxied()]).toEqual([200, 200, 200]);
    expect((await sendSigned(asked)).status).toBe(429);
    expect(zitadel.issued()).toBe(1);

    const { hostname, port } = new URL(url);
    const open = connect(Number(port), hostname).on('error', () => undefined);
    await once(open, 'connect');
    stack.kill('SIGTERM');
    expect(await once(stack, 'exit')).toEqual([0, null]);
    expect(() => process.kill(-(stack.pid ?? 0), 0)).toThrow('ESRCH');
    const refused = connect(Number(port), hostname);
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  } finally {
    if (stack.exitCode === null) process.kill(-(stack.pid ?? 0), 'SIGKILL');
    await zitadel.close();
    rmSync(folder, { recursive: true });
  }
});

describe('mistakes are explained in a line', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'start-'));
    writeFileSync(join(folder, 'secrets.json'), '{"zitadel/orders":"canary-canary-canary"}');
    writeFileSync(join(folder, 'broken.json'), '{"zitadel/orders": canary-canary-canary');
    writeFileSync(join(folder, 'profiles.yml'), 'profiles:\n  orders:\n    issuer: http://zitadel.example\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['an unknown option', ['--prot', '1'], /--prot/],
    [
      'profiles with faults',
      ['--profiles', 'profiles.yml', '--secrets', 'secrets.json'],
      /profiles\.yml:3:13 profiles\.orders\.issuer must begin with https/,
    ],
    [
      'secrets that are absent',
      ['--profiles', join(root, 'infra/profiles.yml'), '--secrets', 'none.json'],
      /none\.json: cannot be read/,
    ],
    [
      'secrets that are no JSON',
      ['--profiles', join(root, 'infra/profiles.yml'), '--secrets', 'broken.json'],
      /broken\.json:1:\d+: is not valid JSON/,
    ],
    [
      'secrets that lack some',
      ['--profiles', join(root, 'infra/profiles.yml'), '--secrets', 'secrets.json'],
      /lacks the secret\(s\) .*zitadel\/reports.*zitadel\/billing/,
    ],
  ])('%s', async (_name, args, message) => {
    const { code, stdout, stderr } = await ended(
      ...args.map((arg) => (/^(?:\w+\.(?:yml|json))$/.test(arg) ? join(folder, arg) : arg)),
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stdout + stderr).not.toContain('canary');
  });

  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await ended('--port', `${port}`);
    const ofPage = await ended('--port', '0', '--page-port', `${port}`);
    taken.close();
    expect(ofPage.code).toBe(2);
    expect(ofPage.stderr).toContain(`port ${port} is in use: choose another for the page with --page-port N\n`);
    expect(code).toBe(1);
    expect(stderr).toBe(`port ${port} is in use: choose another with --port N, or --port 0 for a free one\n`);
  });

  test('--help tells all options', async () => {
    const { code, stdout } = await ended('--help');
    expect(code).toBe(0);
    for (const option of [
      '--port',
      '--page-port',
      '--profiles',
      '--secrets',
      '--no-zitadel',
      '--tls',
      '--throttle',
      '--proxy',
      '--rest',
      '--help',
    ])
      expect(stdout).toContain(option);
  });
});
