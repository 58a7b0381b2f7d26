import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGateway } from '../../infra/local/gateway/server.ts';
import type { Principal } from '../../infra/local/gateway/sigv4.ts';
import { createRoutes } from '../../infra/local/routes.ts';
import type { StandIn } from '../../infra/local/stand-in.ts';
import type { DoctorDeps } from '../../infra/operations/doctor/gather.ts';
import { doctor } from '../../infra/operations/doctor.ts';
import { instant, MINUTE_MS, plus } from '../../lib/core/time.ts';
import { createHttpClient } from '../../lib/net/http-client.ts';
import { createRig, type Rig } from '../support/rig.ts';

/** The caller that the profiles list, as a role's temporary credentials. */
const service: Principal = {
  accessKeyId: 'ASIAORDERSSERVICE000',
  secretAccessKey: 'q4Lw9Zt2XcVb7NmK1jHg5FdS8aPo3IuYtRe6WqAz',
  sessionToken: 'Fwo1GZXIvYXdzEOrdersServiceSessionToken0123456789',
  userArn: 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc',
  callerId: 'AROAEXAMPLEEXAMPLE000:i-0abc',
};
const stranger: Principal = {
  ...service,
  accessKeyId: 'ASIASTRANGER00000000',
  userArn: 'arn:aws:sts::123456789012:assumed-role/somebody-else/i-0def',
};
/** Its policy names another profile alone. */
const unrelated: Principal = {
  ...service,
  accessKeyId: 'ASIAUNRELATED0000000',
  mayInvoke: new Set(['POST/reports/oauth/v2/token']),
};

let rig: Rig;
let gateway: StandIn;
beforeEach(async () => {
  rig = await createRig();
  gateway = await createGateway({
    routes: createRoutes(rig.sandbox),
    principals: [service, stranger, unrelated],
    now: () => rig.clock.now(),
    onError: (error) => {
      throw error;
    },
  });
  // API Gateway's answers have its time.
  gateway.intercept((_req, res) => {
    res.setHeader('date', new Date(rig.clock.now()).toUTCString());
    return false;
  });
});
afterEach(async () => {
  await gateway.close();
  await rig.close();
});

interface Situation {
  readonly name: string;
  readonly code: string;
  readonly credentials?: Partial<Principal>;
  readonly profile?: string;
  readonly aheadMs?: number;
  readonly url?: string;
  readonly path?: string;
  readonly region?: string;
  readonly answer?: { readonly status: number; readonly body: object };
  readonly start?: () => unknown;
}

/** Runs `npm run doctor -- --as-caller` with these credentials, and returns its lines that are not fine. */
async function ask({ credentials, profile = 'orders', aheadMs = 0, ...given }: Partial<Situation>) {
  await given.start?.();
  const { answer } = given;
  if (answer !== undefined) {
    gateway.intercept((_req, res) => {
      const date = new Date(rig.clock.now()).toUTCString();
      res.writeHead(answer.status, { 'content-type': 'application/json', date }).end(JSON.stringify(answer.body));
      return true;
    });
  }
  const { accessKeyId, secretAccessKey, sessionToken } = { ...service, ...credentials };
  const clock = { ...rig.clock, now: () => plus(instant(rig.clock.now()), aheadMs) };
  const deps: Partial<DoctorDeps> = {
    clock,
    http: createHttpClient({ clock, largestBytes: 100_000, env: {} }),
    credentials: async () => {
      if (accessKeyId === '') throw new Error('no credentials');
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    },
  };
  const url = given.url ?? `${gateway.url}${given.path ?? ''}`;
  const args = ['--as-caller', '--profile', profile, '--url', url, '--region', given.region ?? 'eu-central-1'];
  const reports = [];
  for (const format of [[], ['--json']]) {
    reports.push(await rig.pass(doctor([...args, ...format], deps as DoctorDeps)));
  }
  const [text, json] = reports;
  const { findings } = JSON.parse(json?.output ?? '') as { findings: { code: string; level: string }[] };
  const problems = findings.filter(({ level }) => level !== 'fine').map(({ code }) => code);
  const printed = `${text?.output}${json?.output}`;
  // No secret part of the credentials, and no token.
  const secrets = [secretAccessKey, sessionToken ?? secretAccessKey];
  expect(secrets.filter((secret) => printed.includes(secret.slice(0, 8)))).toEqual([]);
  expect(printed).not.toMatch(/eyJ/);
  return { problems, code: text?.code, output: text?.output ?? '' };
}

test('a service that is served', async () => {
  const { problems, code, output } = await ask({});
  expect(problems).toEqual([]);
  expect(code).toBe(0);
  expect(output).toMatch(/√ ZTB408 the way: \d+ ms with the connection, then \d+ ms\n/);
});

test.each<Situation>([
  { name: 'no credentials', code: 'ZTB401', credentials: { accessKeyId: '' } },
  { name: 'an IAM user', code: 'ZTB401', credentials: { accessKeyId: 'AKIAORDERSSERVICE000' } },
  { name: 'no session token', code: 'ZTB401', credentials: { sessionToken: undefined as never } },
  { name: 'a clock that is ahead', code: 'ZTB403', aheadMs: 10 * MINUTE_MS },
  { name: 'a clock that is behind', code: 'ZTB403', aheadMs: -10 * MINUTE_MS },
  { name: 'no broker there', code: 'ZTB404', url: 'http://127.0.0.1:1' },
  { name: 'an IAM policy that lacks the profile', code: 'ZTB405', credentials: unrelated },
  { name: 'a wrong secret key', code: 'ZTB405', credentials: { secretAccessKey: `${service.secretAccessKey}x` } },
  { name: 'a role that the profile does not list', code: 'ZTB406', credentials: stranger },
  { name: 'a profile that does not exist', code: 'ZTB406', profile: 'ordres' },
  { name: 'a URL with a path', code: 'ZTB407', path: '/v1' },
  { name: 'throttling', code: 'ZTB407', answer: { status: 429, body: { message: 'Too Many Requests' } } },
  {
    name: 'a credential that ZITADEL refuses',
    code: 'ZTB407',
    start: () => rig.secretsManager.put('orders', JSON.stringify({ clientId: 'nobody', clientSecret: 'x'.repeat(20) })),
  },
])('$name: $code alone', async (situation) => {
  const { problems, code } = await ask(situation);
  expect(problems).toEqual([situation.code]);
  expect(code).toBe(situation.name === 'throttling' ? 0 : 1);
});

test('a region other than that in the host name, and an answer that is slow', async () => {
  const url = 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com';
  const answer = { status: 403, headers: {}, body: '{"message":"Forbidden"}' };
  let now = rig.clock.now();
  const deps = {
    clock: { ...rig.clock, now: () => now },
    credentials: async () => service,
    http: { send: async () => ({ ok: true, value: answer }), dropIdle: () => undefined },
  } as unknown as DoctorDeps;
  const args = ['--as-caller', '--profile', 'orders', '--url', url, '--region', 'eu-central-1'];
  const { output } = await doctor(args, deps);
  expect(output.match(/^[×‼?].*/gm)).toEqual([`× ZTB402 region: eu-central-1 is signed for; ${url} is in us-east-1`]);
  const slow = {
    ...deps,
    http: {
      ...deps.http,
      async send() {
        now = plus(now, 1_500);
        return { ok: true as const, value: { status: 200, headers: {}, body: '{}' } };
      },
    },
  };
  const { output: late, code } = await doctor([...args.slice(0, -1), 'us-east-1'], slow);
  expect(late.match(/^[×‼?].*/gm)).toEqual(['‼ ZTB408 the way: takes 1500 ms']);
  expect(code).toBe(0);
});
