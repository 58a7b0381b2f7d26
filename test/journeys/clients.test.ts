import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as oauth from 'oauth4webapi';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { getToken } from '../../docs/examples/get-token.ts';
import { signedFetch } from '../../docs/examples/signed-fetch.ts';
import { createStack, type Stack } from '../../infra/local/stack.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { curlVersion, MIN_CURL } from '../support/curl-version.ts';
import { caller } from '../support/principals.ts';
import { profilesOf } from '../support/profiles.ts';
import { accounts, profilesFor, SECRETS } from '../support/rig.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/clients.md'), 'utf8');

/** The code of the page below a heading, for this broker. */
function blockOf(heading: string, broker: string): string {
  const [, code = ''] = new RegExp(`^### ${heading}\n[^#]*?\`\`\`\\w+\n(.*?)\`\`\``, 'ms').exec(page) ?? [];
  return code.replaceAll('https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com', broker);
}

let zitadel: Zitadel;
let stack: Stack;
let broker = '';
const lines: string[] = [];
const SIGNER = {
  AWS_ACCESS_KEY_ID: caller.accessKeyId,
  AWS_SECRET_ACCESS_KEY: caller.secretAccessKey,
  AWS_SESSION_TOKEN: 'the-session-token',
  AWS_REGION: 'eu-central-1',
};

beforeAll(async () => {
  zitadel = await createZitadel({ accounts });
  stack = await createStack({
    profiles: profilesOf(profilesFor(zitadel.url)),
    secrets: SECRETS,
    principals: [{ ...caller, sessionToken: SIGNER.AWS_SESSION_TOKEN }],
    write: (line) => lines.push(line),
    onError: (error) => lines.push(String(error)),
  });
  broker = stack.gateway.url;
  Object.assign(process.env, SIGNER);
});
afterAll(async () => {
  delete process.env.AWS_SESSION_TOKEN;
  await stack.close();
  await zitadel.close();
});
beforeEach(() => void lines.splice(0));

const discover = async (algorithm: 'oidc' | 'oauth2') => {
  const issuer = new URL(`${broker}/orders`);
  const answer = await oauth.discoveryRequest(issuer, { algorithm, [oauth.allowInsecureRequests]: true });
  return oauth.processDiscoveryResponse(issuer, answer);
};

describe('a client that cannot drop its client secret gets its token', () => {
  // The signature needs the header `Authorization`, so a secret by HTTP Basic does not arrive.
  test.each<[string, 'oidc' | 'oauth2', oauth.ClientAuth, boolean]>([
    ['none', 'oauth2', oauth.None(), false],
    ['in the body', 'oidc', oauth.ClientSecretPost('canary'), true],
    ['by HTTP Basic', 'oidc', oauth.ClientSecretBasic('canary'), false],
  ])('%s', async (_name, algorithm, authentication, isLogged) => {
    const server = await discover(algorithm);
    const client = { client_id: 'orders' };
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      authentication,
      {},
      {
        [oauth.customFetch]: signedFetch,
        [oauth.allowInsecureRequests]: true,
      },
    );
    expect((await oauth.processClientCredentialsResponse(server, client, answer)).expires_in).toBeGreaterThan(40_000);
    const line = JSON.parse(lines.find((text) => text.includes('"route":"token"')) ?? '{}');
    expect(line).toMatchObject({ status: 200 });
    expect(line.client_secret_sent).toBe(isLogged ? true : undefined);
    expect(lines.join()).not.toContain('canary');
  });
});

describe('get-token.ts', () => {
  afterEach(() => void vi.restoreAllMocks());

  test('asks again a minute before the token expires, and not earlier', async () => {
    const before = stack.gateway.calls();
    const start = performance.now();
    const now = vi.spyOn(performance, 'now');
    const lifeMs = 43_199_000;
    for (const [passedMs, calls] of [
      [0, 1],
      [0, 1],
      [lifeMs - 90_000, 1],
      [lifeMs - 30_000, 2],
    ] as const) {
      now.mockReturnValue(start + passedMs);
      await getToken(broker, 'orders');
      expect(stack.gateway.calls() - before).toBe(calls);
    }
  });
});

describe('the code of docs/clients.md', () => {
  test.runIf(curlVersion >= MIN_CURL)('curl', async () => {
    const { stdout } = await run('sh', ['-c', blockOf('curl', broker)], { env: { ...process.env, ...SIGNER } });
    expect(JSON.parse(stdout)).toMatchObject({ token_type: 'Bearer' });
  });

  test('Node', async () => {
    const args = [
      '--input-type=module',
      '--eval',
      `${blockOf('Node', broker)}\nconsole.log((await token()).length > 99)`,
    ];
    const { stdout } = await run(process.execPath, args, { cwd: root, env: SIGNER });
    expect(stdout).toBe('true\n');
  });
});
