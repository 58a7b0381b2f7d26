import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type AttributeValue, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTable, type Table as TableStandIn } from '../../../infra/local/table.ts';
import { createDynamoDbCall } from '../../../lib/aws/dynamodb-call.ts';
import { createDynamoDbTable } from '../../../lib/aws/dynamodb-table.ts';
import { type Condition, holds } from '../../../lib/broker/store/condition.ts';
import { acquire, doubt, isUnchanged, type Lease, publish, release } from '../../../lib/broker/store/lease.ts';
import type { Row, RowField, RowUpdate, Table } from '../../../lib/broker/store/table.ts';
import type { CacheKey } from '../../../lib/broker/token/demand.ts';
import { instant, plus } from '../../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { until } from '../../support/turns.ts';

const NOW = instant(1_795_438_700_000);
const NEVER: Condition<RowField> = { kind: 'equals', field: 'owner', value: 'nobody' };

let standIn: TableStandIn;
let clock: FakeClock;
let dynamoDb: Table;
let client: DynamoDBClient;

beforeAll(async () => {
  standIn = await createTable({ tableName: 'tokens' });
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_DYNAMODB: standIn.url,
  });
  clock = createFakeClock(NOW);
  dynamoDb = createDynamoDbTable({ tableName: 'tokens', call: createDynamoDbCall({ clock, limitMs: 300 }) });
  client = new DynamoDBClient({});
});
afterAll(async () => {
  client.destroy();
  await standIn.close();
});
afterEach(() => standIn.intercept(undefined));

const newKey = () => randomUUID() as string as CacheKey;
const write = (changes: Partial<RowUpdate>): RowUpdate => ({
  set: {},
  remove: [],
  condition: { kind: 'always' },
  ...changes,
});
const add = (...of: string[]) => write({ notices: { change: 'add', of } });
const drop = (...of: string[]) => write({ notices: { change: 'delete', of } });
const ROW: Row = {
  generation: 3,
  owner: 'me',
  leaseUntil: NOW,
  sealed: 'a.b.c',
  credential: 'c1',
  expiresAt: NOW,
  failedUntil: NOW,
  failure: 'unavailable',
  failures: 2,
  failedCredential: 'c0',
  doubtedAt: NOW,
  holder: 'orders',
  heldUntil: NOW,
  ttl: 1_795_438_700,
};

const adapters: [name: string, table: () => Table][] = [
  ['in memory', createMemoryTable],
  ['on DynamoDB', () => dynamoDb],
];

describe.each(adapters)('the shared store %s', (_name, make) => {
  test('knows nothing of a row that was never written', async () => {
    expect(await make().read(newKey())).toEqual({ ok: true, value: undefined });
  });

  test('keeps every field, and answers the whole row', async () => {
    const [table, key] = [make(), newKey()];
    expect(await table.update(key, write({ set: ROW }))).toEqual({ ok: true, value: ROW });
    expect(await table.read(key)).toEqual({ ok: true, value: ROW });
  });

  test('sets and removes, and leaves the rest alone', async () => {
    const [table, key] = [make(), newKey()];
    await table.update(key, write({ set: ROW }));
    const { owner: _owner, leaseUntil: _until, ...kept } = ROW;
    const expected = { ...kept, sealed: 'd.e.f' };
    expect(await table.update(key, write({ set: { sealed: 'd.e.f' }, remove: ['owner', 'leaseUntil'] }))).toEqual({
      ok: true,
      value: expected,
    });
    expect(await table.read(key)).toEqual({ ok: true, value: expected });
  });

  test('counts generations from 1', async () => {
    const [table, key] = [make(), newKey()];
    for (const generation of [1, 2, 3]) {
      expect(await table.update(key, write({ set: { owner: 'me' }, nextGeneration: true }))).toMatchObject({
        value: { generation },
      });
    }
  });

  test('refuses a write whose condition does not hold, and changes nothing', async () => {
    const [table, key] = [make(), newKey()];
    expect(await table.update(key, write({ set: ROW, condition: NEVER }))).toEqual({ ok: true, value: 'refused' });
    expect(await table.read(key)).toEqual({ ok: true, value: undefined });
  });

  test('removes what is not there', async () => {
    const [table, key] = [make(), newKey()];
    expect(await table.update(key, write({ set: { owner: 'me' }, remove: ['sealed', 'notices'] }))).toEqual({
      ok: true,
      value: { owner: 'me' },
    });
  });

  test('notices of two writers do not overwrite one another', async () => {
    const [table, key] = [make(), newKey()];
    await Promise.all([table.update(key, add('a', 'b')), table.update(key, add('b', 'c'))]);
    const listed = await table.read(key);
    expect(listed.ok && listed.value?.notices?.toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('a notice that is deleted is gone, and the last one leaves nothing behind', async () => {
    const [table, key] = [make(), newKey()];
    await table.update(key, write({ set: { ttl: 7 }, notices: { change: 'add', of: ['a', 'b', 'c'] } }));
    expect(await table.update(key, drop('a', 'c', 'never there'))).toEqual({
      ok: true,
      value: { ttl: 7, notices: ['b'] },
    });
    expect(await table.update(key, drop('b'))).toEqual({ ok: true, value: { ttl: 7 } });
    expect(await table.update(key, drop('b'))).toEqual({ ok: true, value: { ttl: 7 } });
  });

  test('of 20 sandboxes that want the lease at once, one gets it', async () => {
    const [table, key] = [make(), newKey()];
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, index) => table.update(key, acquire({}, `owner-${index}`, NOW, isUnchanged({})))),
    );
    expect(taken.filter((result) => result.ok && result.value !== 'refused')).toHaveLength(1);
    expect(taken.filter((result) => result.ok && result.value === 'refused')).toHaveLength(19);
  });

  test('a lease from its beginning to its end', async () => {
    const [table, key] = [make(), newKey()];
    const take = (row: Row, owner: string) => table.update(key, acquire(row, owner, NOW, isUnchanged(row)));
    const [one, two] = ['one', 'two'].map((owner) => ({ owner, until: plus(NOW, 5_000) })) as [Lease, Lease];
    const refused = { ok: true, value: 'refused' };
    await take({}, 'one');
    const token = { sealed: 'a.b.c', credential: 'c1', expiresAt: plus(NOW, 60_000) };
    expect(await table.update(key, publish(two, token))).toEqual(refused);
    expect(await table.update(key, publish(one, token))).toMatchObject({ value: { sealed: 'a.b.c', generation: 2 } });
    expect(await table.update(key, publish(one, token))).toEqual(refused);
    expect(await take({}, 'two')).toEqual(refused);
    expect(await take({ generation: 1 }, 'two')).toEqual(refused);
    await take({ generation: 2 }, 'two');
    const failure = { failedUntil: plus(NOW, 2_000), failure: 'unavailable', failures: 1 };
    await table.update(key, release(two, failure));
    expect(await table.read(key)).toEqual({
      ok: true,
      value: { ...token, ...failure, generation: 4, ttl: expect.any(Number) },
    });
  });
});

describe('a row that somebody has made malformed counts for nothing, and can be taken all the same', () => {
  test.each<[attribute: string, AttributeValue]>([
    ['sealed', { N: '1' }],
    ['sealed', { BOOL: true }],
    ['generation', { S: '3' }],
    ['generation', { N: '1.5' }],
    ['generation', { N: '1e100' }],
    ['leaseUntil', { N: '9007199254740992' }],
    ['leaseUntil', { NULL: true }],
    ['notices', { S: 'a' }],
    ['notices', { L: [{ S: 'a' }] }],
    ['notices', { NS: ['1'] }],
  ])('%s: %o', async (attribute, value) => {
    const key = newKey();
    await dynamoDb.update(key, write({ set: ROW, notices: { change: 'add', of: ['a'] } }));
    const Item = { pk: { S: key }, owner: { S: 'other' }, failure: { S: 'unavailable' }, [attribute]: value };
    await client.send(new PutItemCommand({ TableName: 'tokens', Item }));
    const read = await dynamoDb.read(key);
    expect(read).toEqual({ ok: true, value: { malformed: true } });
    const row: Row = { malformed: true };
    const taken = { owner: 'me', leaseUntil: plus(NOW, 5_000), generation: 1, ttl: expect.any(Number) };
    expect(await dynamoDb.update(key, acquire(row, 'me', NOW, isUnchanged(row)))).toEqual({ ok: true, value: taken });
    expect(await dynamoDb.read(key)).toEqual({ ok: true, value: taken });
    await client.send(new PutItemCommand({ TableName: 'tokens', Item }));
    const doubted = { doubtedAt: NOW, generation: 1, ttl: expect.any(Number) };
    expect(await dynamoDb.update(key, doubt(row, NOW))).toEqual({ ok: true, value: doubted });
  });

  test('of those who have read it, one is first: its count is believed where it can be read', async () => {
    const key = newKey();
    const Item = { pk: { S: key }, generation: { N: '3' }, sealed: { BOOL: true } };
    await client.send(new PutItemCommand({ TableName: 'tokens', Item }));
    const row: Row = { malformed: true, generation: 3 };
    expect(await dynamoDb.read(key)).toEqual({ ok: true, value: row });
    const taken = await dynamoDb.update(key, acquire(row, 'me', NOW, isUnchanged(row)));
    expect(taken).toMatchObject({ ok: true, value: { owner: 'me', generation: 4 } });
    expect(await dynamoDb.update(key, acquire(row, 'you', NOW, isUnchanged(row)))).toEqual({
      ok: true,
      value: 'refused',
    });
  });

  test('an attribute of an unknown name is passed over', async () => {
    const key = newKey();
    const Item = { pk: { S: key }, owner: { S: 'me' }, more: { N: '1.5' } };
    await client.send(new PutItemCommand({ TableName: 'tokens', Item }));
    expect(await dynamoDb.read(key)).toEqual({ ok: true, value: { owner: 'me' } });
  });
});

/** Rows and conditions of few values, so that they often meet. */
const number = fc.integer({ min: 0, max: 3 });
const text = fc.constantFrom('a', 'b');
const row: fc.Arbitrary<Row> = fc.record(
  { generation: number, leaseUntil: number.map(instant), owner: text, credential: text },
  { requiredKeys: [] },
);
const condition: fc.Arbitrary<Condition<RowField>> = fc.oneof(
  fc.constant({ kind: 'always' as const }),
  fc.record({
    kind: fc.constant('absent' as const),
    field: fc.constantFrom<RowField>('generation', 'leaseUntil', 'owner', 'credential'),
  }),
  fc.record({
    kind: fc.constant('equals' as const),
    field: fc.constantFrom<RowField>('owner', 'credential'),
    value: text,
  }),
  fc.record({
    kind: fc.constant('equals' as const),
    field: fc.constantFrom<RowField>('generation', 'leaseUntil'),
    value: number,
  }),
);

test('DynamoDB decides conditions as `holds` does', async () => {
  await fc.assert(
    fc.asyncProperty(row, condition, async (before, asked) => {
      const key = newKey();
      if (Object.keys(before).length > 0) await dynamoDb.update(key, write({ set: before }));
      const result = await dynamoDb.update(key, write({ set: { failures: 1 }, condition: asked }));
      expect(result.ok && result.value !== 'refused').toBe(holds(asked, before));
    }),
    { numRuns: 150 },
  );
});

describe('faults of DynamoDB', () => {
  const answers = (status: number, type: string) => (_req: unknown, res: ServerResponse) => {
    res
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
      .end(JSON.stringify({ __type: type, message: 'canary-canary' }));
    return true;
  };

  test.each([
    ['no such table', answers(400, 'ResourceNotFoundException'), 'unavailable', 'ResourceNotFoundException'],
    ['not allowed', answers(400, 'AccessDeniedException'), 'unavailable', 'AccessDeniedException'],
    ['an error of its own', answers(500, 'InternalServerError'), 'unknown', 'InternalServerError'],
    [
      'an answer that is no JSON',
      (_req: unknown, res: ServerResponse) => Boolean(res.writeHead(200).end('<html>')),
      'unknown',
      'SyntaxError',
    ],
  ])('%s', async (_name, fault, kind, detail) => {
    standIn.intercept(fault);
    const error = { ok: false, error: { kind, detail } };
    expect(await dynamoDb.read(newKey())).toEqual(error);
    expect(await dynamoDb.update(newKey(), write({ set: ROW }))).toEqual(error);
  });

  /** Lets time pass, little by little, until something is over. */
  async function over<T>(called: Promise<T>): Promise<T> {
    let isOver = false;
    void called.finally(() => {
      isOver = true;
    });
    while (!isOver) await clock.advance(5);
    return called;
  }

  test('asked to slow down: tried again for a second', async () => {
    const throttle = answers(400, 'ThrottlingException');
    standIn.intercept(throttle);
    const error = { ok: false, error: { kind: 'unavailable', detail: 'ThrottlingException' } };
    const [before, startedAt] = [standIn.calls(), clock.now()];
    expect(await over(dynamoDb.read(newKey()))).toEqual(error);
    expect(standIn.calls() - before).toBeGreaterThan(3);
    expect(clock.now() - startedAt).toBeLessThan(1_100);
    expect(await over(dynamoDb.update(newKey(), write({ set: ROW })))).toEqual(error);

    let left = 2;
    standIn.intercept((req, res) => left-- > 0 && throttle(req, res));
    expect(await over(dynamoDb.update(newKey(), write({ set: ROW })))).toEqual({ ok: true, value: ROW });
  });

  test.each(['read', 'update'] as const)('no answer to %s: given up after 300 ms', async (operation) => {
    standIn.intercept(() => true);
    const before = standIn.calls();
    const called = operation === 'read' ? dynamoDb.read(newKey()) : dynamoDb.update(newKey(), write({ set: ROW }));
    await until(() => standIn.calls() > before);
    await clock.advance(299);
    expect(await Promise.race([called, Promise.resolve('waiting')])).toBe('waiting');
    await clock.advance(1);
    expect(await called).toEqual({ ok: false, error: { kind: 'unknown', detail: 'timeout' } });
  });

  test('a reply that is lost: the write is found to have been made', async () => {
    const key = newKey();
    let isLost = false;
    standIn.intercept((req) => {
      if (isLost) return false;
      isLost = true;
      req.destroy();
      return true;
    });
    expect(await dynamoDb.update(key, write({ set: { owner: 'me' } }))).toMatchObject({
      ok: true,
      value: { owner: 'me' },
    });
  });
});
