// The code of the README is compiled and run as it stands, with the packed client, against the local stack and an API that
// asks the broker about each token.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node';
import { createAuthServiceClient } from '@zitadel/client/v1';
import { createAuthClient } from '@zitadel/node/dist/api/clients.js';
import { AuthService } from '@zitadel/proto/zitadel/auth_pb.js';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { createStack, type Stack } from '../../infra/local/stack.ts';
import { createAuthority, createServerIdentity } from '../../infra/local/tls/certificate.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { caller } from '../../test/support/principals.ts';
import { profilesOf } from '../../test/support/profiles.ts';
import { accounts, profilesFor, SECRETS } from '../../test/support/rig.ts';
import { brokerInterceptor } from '../src/connect.ts';
import { createBroker, type Profile } from '../src/index.ts';
import { brokerMiddleware } from '../src/nice-grpc.ts';

const { project } = inject('packed');
const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const DAY_MS = 86_400_000;
const SESSION_TOKEN = 'the-session-token';

let zitadel: Zitadel;
let stack: Stack;
let orders: Profile;
let api: Http2SecureServer;
let origin = '';
/** The same without TLS. */
let plain: Http2Server;
let plainUrl = '';
/** Whether each token that the API got is active, by the path that was asked for. */
const asked: [path: string, active: boolean][] = [];

/** The profile, with a memory of its own. */
function createProfile(): Profile {
  const credentials = async () => ({ ...caller, sessionToken: SESSION_TOKEN });
  return createBroker({ url: stack.gateway.url, region: 'eu-central-1', credentials }).profile('orders');
}

const listen = async (server: Http2Server | Http2SecureServer): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

async function isActive(path: string, authorization: string | null | undefined): Promise<boolean> {
  const { active } = await orders.introspect((authorization ?? '').replace('Bearer ', ''));
  asked.push([path, active]);
  return active;
}

const answerCalls = connectNodeAdapter({
  routes: (router) =>
    void router.service(AuthService, {
      getMyUser: async (_request: unknown, { requestHeader, url }: HandlerContext) => {
        if (await isActive(new URL(url).pathname, requestHeader.get('authorization'))) return {};
        throw new ConnectError('no', Code.Unauthenticated);
      },
    }),
  fallback: (request, response) => {
    const answer = (status: number): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end('{}');
    };
    isActive(request.url ?? '', request.headers.authorization).then(
      (active) => answer(active ? 200 : 401),
      () => answer(500),
    );
  },
});

beforeAll(async () => {
  zitadel = await createZitadel({ accounts });
  const { profiles } = profilesFor(zitadel.url);
  const { introspection, revocation } = profiles.revocable as Record<string, unknown>;
  const changes = {
    orders: { introspection, revocation },
    portal: { ...profiles.exchanging, exchange: { audiences: [accounts.project] } },
  };
  stack = await createStack({
    profiles: profilesOf(profilesFor(zitadel.url, changes)),
    secrets: SECRETS,
    principals: [{ ...caller, sessionToken: SESSION_TOKEN }],
    write: () => undefined,
    onError: () => undefined,
  });
  orders = createProfile();
  const now = Date.now();
  const validity = { fromMs: now - DAY_MS, toMs: now + DAY_MS };
  const authority = await createAuthority(validity);
  writeFileSync(join(project, 'authority.pem'), authority.cert);
  const { key, cert } = await createServerIdentity(authority, validity);
  api = createSecureServer({ key, cert, allowHTTP1: true }, answerCalls);
  origin = `https://localhost:${await listen(api)}`;
  plain = createServer(answerCalls);
  plainUrl = `http://127.0.0.1:${await listen(plain)}`;
});
afterEach(() => void asked.splice(0));
afterAll(async () => {
  api.close();
  plain.close();
  await stack.close();
  await zitadel.close();
});

const METHOD = '/zitadel.auth.v1.AuthService/GetMyUser';
/** What the client of a service does, with that of the block for grpc-js. */
const UNARY_CALL = `
const raw = (value: Buffer) => value;
await new Promise((resolve, reject) => {
  client.makeUnaryRequest('${METHOD}', raw, raw, Buffer.alloc(0), (error) => (error ? reject(error) : resolve(0)));
});
`;

/** Runs a program in the project that has installed the client. */
const runInProject = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(process.execPath, args, { cwd: project, env: { PATH: process.env.PATH, ...env } });

test('each block of TypeScript compiles, runs, and sends an active token', { timeout: 120_000 }, async () => {
  const page = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) =>
    code
      .replaceAll('https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com', stack.gateway.url)
      .replaceAll('https://api.example.com', origin)
      .replaceAll('api.example.com', origin.replace('https://', ''))
      .replaceAll(/'\d{18}'/g, `'${accounts.project}'`),
  );
  const [first = ''] = blocks;
  const { token } = await orders.token();
  const names = blocks.map((code, index) => {
    const given = `const subjectToken = '${token}';\n`;
    const called = code.includes('new Client(') ? `${code}${UNARY_CALL}` : code;
    writeFileSync(join(project, `block-${index}.ts`), index === 0 ? code : `${first}${given}${called}`);
    return `block-${index}.ts`;
  });
  writeFileSync(
    join(project, 'main.ts'),
    `${names.map((name) => `await import('./${name}');`).join('\n')}\nprocess.exit(0);\n`,
  );
  const compilerOptions = {
    target: 'es2024',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  await runInProject([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  await runInProject(['main.ts'], {
    AWS_ACCESS_KEY_ID: caller.accessKeyId,
    AWS_SECRET_ACCESS_KEY: caller.secretAccessKey,
    AWS_SESSION_TOKEN: SESSION_TOKEN,
    AWS_REGION: 'eu-central-1',
    NODE_EXTRA_CA_CERTS: join(project, 'authority.pem'),
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: join(project, 'authority.pem'),
  });
  expect(names).toHaveLength(7);
  expect(asked).toEqual([METHOD, METHOD, METHOD, '/orders', '/orders'].map((path) => [path, true]));
  // The last block revokes it.
  expect(await orders.introspect(token)).toEqual({ active: false });
});

test.each<readonly [string, (mine: Profile) => Promise<unknown>]>([
  [
    '@zitadel/client',
    (mine) => {
      const transport = createGrpcTransport({ baseUrl: plainUrl, interceptors: [brokerInterceptor(mine)] });
      return createAuthServiceClient(transport).getMyUser({});
    },
  ],
  ['@zitadel/node', (mine) => createAuthClient(plainUrl, brokerMiddleware(mine)).getMyUser({})],
])('%s sends its call again where its token was revoked', async (_name, getMyUser) => {
  const mine = createProfile();
  const { token } = await mine.token();
  await orders.revoke(token);
  await getMyUser(mine);
  expect(asked).toEqual([
    [METHOD, false],
    [METHOD, true],
  ]);
  expect((await mine.token()).token).not.toBe(token);
});
