import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishLocalStack } from '../../infra/local/state.ts';
import { block } from '../../infra/operations/block.ts';
import { flush } from '../../infra/operations/flush.ts';
import { context } from '../support/events.ts';
import { caller, stranger } from '../support/principals.ts';
import { createRig, type Rig } from '../support/rig.ts';
import { assertion, federatedEvent, ISSUERS, WORKLOAD } from '../support/workload.ts';

let rig: Rig;
let withdraw: () => void;
let port: string;

/** The rig as `npm start` publishes a stack; its DynamoDB tells the rig's time. */
beforeEach(async () => {
  const callers = ['arn:aws:iam::123456789012:role/orders-service', WORKLOAD];
  rig = await createRig({ issuers: ISSUERS, changes: { orders: { callers } } });
  port = String(rig.gateway.port);
  const { url: tableUrl, tableName } = rig.table;
  const { url: secretsManagerUrl } = rig.secretsManager;
  const stack = { region: 'eu-central-1', tableUrl, tableName, secretsManagerUrl, profiles: [...rig.profiles] };
  withdraw = publishLocalStack(port, stack);
  rig.table.intercept((_req, res) => {
    res.setHeader('date', new Date(rig.clock.now()).toUTCString());
    return false;
  });
});
afterEach(async () => {
  withdraw();
  await rig.close();
});

const local = () => ['--local', '--port', port];
const ask = async (profile: string, principal = caller) => {
  const { status, json } = await rig.pass(rig.ask({ profile, principal }));
  return { status, token: json.access_token, error: json.error };
};
const tokens = async () => Promise.all(['orders', 'shipping', 'reports'].map(async (name) => (await ask(name)).token));
const settle = () => rig.clock.advance(60_000);

describe('flush', () => {
  test('of a profile: its tokens and those exchanged from them are replaced within a minute, others stay', async () => {
    const before = await tokens();
    await rig.clock.advance(5_000);
    const at = new Date(Math.floor(rig.clock.now() / 1000) * 1000 + 1000).toISOString();
    expect(await flush([...local(), '--profile', 'orders'])).toContain(
      `every token of orders that was obtained before ${at} is void.\nEvery sandbox knows by `,
    );
    await settle();
    const after = await tokens();
    expect(after.map((token, index) => token === before[index])).toEqual([false, false, true]);
    // What was obtained since is kept; a new sandbox finds it in the table.
    rig.restart();
    expect(await tokens()).toEqual(after);
  });

  test('of all profiles', async () => {
    const before = await tokens();
    await rig.clock.advance(5_000);
    expect(await flush([...local(), '--all'])).toContain('every token of all profiles that was obtained before ');
    await settle();
    const after = await tokens();
    expect(after.filter((token) => before.includes(token))).toEqual([]);
  });
});

describe('block', () => {
  const role = 'arn:aws:iam::123456789012:role/orders-service';

  test('a profile, until it is undone', async () => {
    expect((await ask('orders')).status).toBe(200);
    expect(await block([...local(), '--profile', 'orders'])).toContain('everybody is blocked from orders.\n');
    await settle();
    expect(await ask('orders')).toMatchObject({ status: 403, error: 'unauthorized_client' });
    expect(rig.log().at(-1)).toMatchObject({ error: { kind: 'not_allowed', detail: 'blocked by an operator' } });
    expect((await ask('reports')).status).toBe(200);
    expect(await block([...local(), '--profile', 'orders'])).toContain('was already blocked from');
    expect(await block([...local(), '--profile', 'orders', '--undo'])).toContain('is no longer blocked from orders.');
    await settle();
    expect((await ask('orders')).status).toBe(200);
    expect(await block([...local(), '--profile', 'orders', '--undo'])).toContain('nothing was changed');
  });

  test('a caller, of one profile or of all', async () => {
    expect(await block([...local(), '--profile', 'reports', '--caller', role])).not.toContain('Note:');
    await settle();
    expect([(await ask('reports')).status, (await ask('orders')).status]).toEqual([403, 200]);
    await block([...local(), '--all', '--caller', 'arn:aws:iam::123456789012:role/orders-*']);
    await settle();
    expect((await ask('orders')).status).toBe(403);
    expect(await block([...local(), '--list'])).toBe(
      `the local stack on port ${port}: blocked are\n` +
        `  all profiles: arn:aws:iam::123456789012:role/orders-*\n  reports: ${role}\n`,
    );
    expect(await block([...local(), '--list', '--profile', 'orders'])).toContain('no one is blocked.');
  });

  test('a caller without IAM, as the log names it; roles are served', async () => {
    const form = { grant_type: 'client_credentials', ...(await assertion()) };
    const askAsPod = async () => {
      const { statusCode } = await rig.pass(rig.sandbox().federated(federatedEvent('orders', form), context()));
      return statusCode;
    };
    expect(await askAsPod()).toBe(200);
    const { caller: named } = rig.log().at(-1) ?? {};
    const blocking = [...local(), '--profile', 'orders', '--caller', String(named)];
    expect(await block(blocking)).not.toContain('Note:');
    await settle();
    expect([await askAsPod(), (await ask('orders')).status]).toEqual([403, 200]);
    expect(await block([...local(), '--list'])).toContain('orders: cluster:system:serviceaccount:shop:orders\n');
    await block([...blocking, '--undo']);
    await settle();
    expect(await askAsPod()).toBe(200);
    await block([...local(), '--all', '--caller', 'cluster:system:serviceaccount:shop:*']);
    await settle();
    expect(await askAsPod()).toBe(403);
    expect(await block([...local(), '--profile', 'orders', '--caller', 'github:*'])).toContain(
      'Note: orders does not list a caller of the issuer github.',
    );
  });

  test('a caller that the profile does not list: done, and said', async () => {
    expect(await block([...local(), '--profile', 'orders', '--caller', `${role}2`])).toContain(
      'Note: orders does not list this role.',
    );
    expect((await ask('orders', stranger)).status).toBe(403);
  });
});

describe('what is refused, before anything is done', () => {
  const role = 'arn:aws:iam::123456789012:role/a';
  test.each([
    [flush, [], 'say which tokens: --profile P or --all'],
    [flush, ['--all', '--profile', 'orders'], 'say which tokens'],
    [flush, ['--profile', 'ordres'], 'there is no profile "ordres"; the profiles are orders, odd, reports'],
    [flush, ['--profile', 'orders', '--stage', 'prod'], 'say which broker: --stage S or --local'],
    [flush, ['--profil', 'orders'], "Unknown option '--profil'"],
    [block, [], 'say which profile: --profile P or --all'],
    [block, ['--all'], '--all needs --caller'],
    [block, ['--profile', 'ordres'], 'there is no profile "ordres"'],
    [block, ['--profile', 'orders', '--caller', 'orders-service'], '--caller must be the ARN of an IAM role'],
    [
      block,
      ['--profile', 'orders', '--caller', 'arn:aws:iam::123456789012:role/a/b'],
      "must not contain the role's path",
    ],
    [block, ['--profile', 'orders', '--undo', '--list'], '--undo and --list cannot be combined'],
    [block, ['--profile', 'ordres', '--undo', '--caller', role], 'there is no profile "ordres"'],
  ])('%o %j', async (command, args, message) => {
    await expect(command([...local(), ...args])).rejects.toThrow(message);
    expect(await block([...local(), '--list'])).toContain('no one is blocked');
  });

  test.each([flush, block])('a stack that does not run, and --help', async (command) => {
    await expect(command(['--local', '--port', '1', '--profile', 'orders'])).rejects.toThrow(
      'no local stack listens on port 1: start it with npm start',
    );
    expect(await command(['--help'])).toContain('--stage S');
    withdraw();
    publishLocalStack(port, {
      region: 'eu-central-1',
      tableUrl: 'http://127.0.0.1:1',
      secretsManagerUrl: 'http://127.0.0.1:1',
      tableName: 'tokens',
      profiles: [...rig.profiles],
    });
    await expect(command([...local(), '--profile', 'orders'])).rejects.toThrow('no local stack listens on port');
  });
});
