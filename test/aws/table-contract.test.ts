import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTable, type Table as TableStandIn } from '../../infra/local/table.ts';
import { createDynamoDbTable } from '../../lib/aws/dynamodb-table.ts';
import { type Condition, holds } from '../../lib/broker/condition.ts';
import type { CacheKey } from '../../lib/broker/demand.ts';
import { acquire, mayAcquire, publish, release } from '../../lib/broker/lease.ts';
import type { Row, RowField, RowUpdate, Table } from '../../lib/broker/table.ts';
import { instant, plus } from '../../lib/core/time.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createMemoryTable } from '../support/memory-table.ts';
import { until } from '../support/turns.ts';

const NOW = instant(1_795_438_700_000);
const ALWAYS: Condition<RowField> = { kind: 'all', of: [] };
const NEVER: Condition<RowField> = { kind: 'equals', field: 'owner', value: 'nobody' };
/** DynamoDB knows no empty condition. */
const ANY: Condition<RowField> = {
  kind: 'any',
  of: [
    { kind: 'absent', field: 'failure' },
    { kind: 'differs', field: 'failure', value: '-' },
  ],
};

let standIn: TableStandIn;
let clock: FakeClock;
let dynamoDb: Table;

beforeAll(async () => {
  standIn = await createTable({ tableName: 'tokens' });
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_DYNAMODB: standIn.url,
  });
  clock = createFakeClock(NOW);
  dynamoDb = createDynamoDbTable({ clock, tableName: 'tokens' });
});
afterAll(() => standIn.close());
afterEach(() => standIn.intercept(undefined));

const newKey = () => randomUUID() as string as CacheKey;
const write = (changes: Partial<RowUpdate>): RowUpdate => ({ set: {}, remove: [], condition: ANY, ...changes });
const ROW: Row = {
  generation: 3,
  owner: 'me',
  leaseUntil: NOW,
  sealed: 'a.b.c',
  credential: 'c1',
  expiresAt: NOW,
  refreshAt: NOW,
  failedUntil: NOW,
  failure: 'unavailable',
  failures: 2,
  failedCredential: 'c0',
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

  test('of 20 sandboxes that want the lease at once, one gets it', async () => {
    const [table, key] = [make(), newKey()];
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        table.update(key, acquire(`owner-${index}`, NOW, mayAcquire(NOW, { credential: 'c1' }))),
      ),
    );
    expect(taken.filter((result) => result.ok && result.value !== 'refused')).toHaveLength(1);
    expect(taken.filter((result) => result.ok && result.value === 'refused')).toHaveLength(19);
  });

  test('a lease from its beginning to its end', async () => {
    const [table, key] = [make(), newKey()];
    const overruled = { credential: 'c1' };
    await table.update(key, acquire('one', NOW, mayAcquire(NOW, overruled)));
    const lease = { generation: 1, owner: 'one', until: plus(NOW, 5_000) };
    const token = { sealed: 'a.b.c', credential: 'c1', expiresAt: plus(NOW, 60_000), refreshAt: plus(NOW, 45_000) };
    expect(await table.update(key, publish({ ...lease, owner: 'other' }, token))).toEqual({
      ok: true,
      value: 'refused',
    });
    expect(await table.update(key, publish(lease, token))).toMatchObject({ value: { sealed: 'a.b.c', generation: 1 } });
    expect(await table.update(key, publish(lease, token))).toEqual({ ok: true, value: 'refused' });
    expect(await table.update(key, acquire('two', NOW, mayAcquire(NOW, overruled)))).toEqual({
      ok: true,
      value: 'refused',
    });
    const due = plus(NOW, 45_000);
    await table.update(key, acquire('two', due, mayAcquire(due, overruled)));
    await table.update(
      key,
      release(
        { generation: 2, owner: 'two', until: due },
        { failedUntil: plus(due, 2_000), failure: 'unavailable', failures: 1 },
      ),
    );
    expect(await table.read(key)).toEqual({
      ok: true,
      value: {
        ...token,
        generation: 2,
        failedUntil: plus(due, 2_000),
        failure: 'unavailable',
        failures: 1,
        ttl: expect.any(Number),
      },
    });
  });
});

/** Rows and conditions of few values, so that they often meet. */
const number = fc.integer({ min: 0, max: 3 });
const text = fc.constantFrom('a', 'b');
const row: fc.Arbitrary<Row> = fc.record(
  { generation: number, leaseUntil: number.map(instant), owner: text, credential: text },
  { requiredKeys: [] },
);
const leaf: fc.Arbitrary<Condition<RowField>> = fc.oneof(
  fc.record({ kind: fc.constant('absent' as const), field: fc.constantFrom<RowField>('generation', 'owner') }),
  fc.record({
    kind: fc.constantFrom('equals' as const, 'differs' as const),
    field: fc.constantFrom<RowField>('owner', 'credential'),
    value: text,
  }),
  fc.record({
    kind: fc.constantFrom('equals' as const, 'differs' as const, 'below' as const, 'at_most' as const),
    field: fc.constantFrom<RowField>('generation', 'leaseUntil'),
    value: number,
  }),
);
const inner = fc.record({
  kind: fc.constantFrom('all' as const, 'any' as const),
  of: fc.array(leaf, { minLength: 1, maxLength: 3 }),
});
const condition: fc.Arbitrary<Condition<RowField>> = fc.oneof(
  leaf,
  fc.record({
    kind: fc.constantFrom('all' as const, 'any' as const),
    of: fc.array(fc.oneof(leaf, inner), { minLength: 1, maxLength: 3 }),
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

test('an empty condition always holds', () => expect(holds(ALWAYS, {})).toBe(true));

describe('faults of DynamoDB', () => {
  const answers = (status: number, type: string) => (_req: unknown, res: ServerResponse) => {
    res
      .writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
      .end(JSON.stringify({ __type: type, message: 'canary-canary' }));
    return true;
  };

  test.each([
    ['throttled', answers(400, 'ThrottlingException'), 'unavailable', 'ThrottlingException'],
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

  test.each(['read', 'update'] as const)('no answer to %s: given up after 300 ms', async (operation) => {
    standIn.intercept(() => true);
    const before = standIn.calls();
    const called = operation === 'read' ? dynamoDb.read(newKey()) : dynamoDb.update(newKey(), write({ set: ROW }));
    await until(() => standIn.calls() > before);
    await clock.advance(299);
    expect(await Promise.race([called, Promise.resolve('waiting')])).toBe('waiting');
    await clock.advance(1);
    expect(await called).toEqual({ ok: false, error: { kind: 'unknown', detail: 'AbortError' } });
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
