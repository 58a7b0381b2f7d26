import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, type TestContext, test } from 'vitest';
import { startSandbox } from './sandbox.ts';

const PATIENCE_MS = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'runtime-api-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let functions = 0;

/** Starts a function of this text. */
async function start({ onTestFinished }: TestContext, text: string) {
  functions += 1;
  const bundle = join(folder, String(functions), 'index.cjs');
  mkdirSync(join(bundle, '..'));
  writeFileSync(bundle, text);
  const sandbox = await startSandbox({ bundle, env: { OWN: 'value' } });
  onTestFinished(sandbox.kill);
  return sandbox;
}

const text = (value: unknown) => ({ kind: 'response', body: JSON.stringify(value) });

test('hands out events one after the other, and takes the answers', async (context) => {
  const sandbox = await start(context, 'exports.handler = async (event) => ({ seen: event.n });');
  const answers = await Promise.all([1, 2, 3].map((n) => sandbox.invoke({ n })));
  expect(answers).toEqual([1, 2, 3].map((n) => text({ seen: n })));
});

test('tells the function its time, its id and its name', async (context) => {
  const sandbox = await start(
    context,
    'exports.handler = async (_, c) => [c.getRemainingTimeInMillis(), c.awsRequestId, c.functionName];',
  );
  const answer = await sandbox.invoke({}, PATIENCE_MS);
  const [leftMs, id, name] = JSON.parse(answer.kind === 'response' ? answer.body : '[]');
  expect(leftMs).toBeGreaterThan(0);
  expect(leftMs).toBeLessThanOrEqual(PATIENCE_MS);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(name).toBe('zitadel-token-broker-test');
});

test('a handler that rejects: an error, and the next event is handed out', async (context) => {
  const sandbox = await start(
    context,
    'exports.handler = async (e) => { if (e.bad) throw new TypeError("no"); return 1; };',
  );
  expect(await sandbox.invoke({ bad: true })).toEqual({ kind: 'error', errorType: 'TypeError', errorMessage: 'no' });
  expect(await sandbox.invoke({})).toEqual(text(1));
});

test('a function that cannot start: an error for every event', async (context) => {
  const sandbox = await start(context, 'throw new RangeError("not valid");');
  const error = { kind: 'error', errorType: 'RangeError', errorMessage: 'not valid' };
  expect(await sandbox.invoke({})).toEqual(error);
  await expect(sandbox.idle()).rejects.toThrow('error');
  expect(await sandbox.exited).toEqual({ code: 1, signal: null });
  expect(sandbox.output().stderr).toContain('not valid');
  expect(await sandbox.invoke({})).toEqual(error);
});

test.for([
  ['setImmediate(() => { throw new Error("x"); })', 129],
  ['Promise.reject(new Error("x"))', 128],
] as const)('what nobody catches (%s): an error, and the process ends', async ([fault, code], context) => {
  const sandbox = await start(context, `exports.handler = () => { ${fault}; return new Promise(() => {}); };`);
  expect(await sandbox.invoke({})).toEqual({ kind: 'error', errorType: 'Error', errorMessage: 'x' });
  expect(await sandbox.exited).toEqual({ code, signal: null });
  expect(await sandbox.invoke({})).toEqual({ kind: 'lost' });
});

test('what nobody catches after the answer: the process ends, and its events are lost', async (context) => {
  const sandbox = await start(
    context,
    'exports.handler = async () => { setTimeout(() => { throw new Error("late"); }, 50); };',
  );
  expect(await sandbox.invoke({})).toEqual(text(null));
  expect(await sandbox.exited).toEqual({ code: 129, signal: null });
  expect(sandbox.output().stderr).toContain('late');
});

test('a process that is killed: its event is lost', async (context) => {
  const sandbox = await start(context, 'exports.handler = () => new Promise((r) => setTimeout(r, 60_000));');
  await sandbox.idle();
  const invoked = sandbox.invoke({});
  await sandbox.kill();
  expect(await invoked).toEqual({ kind: 'lost' });
  expect(await sandbox.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a process that ends because nothing is left to do: its event is lost', async (context) => {
  const sandbox = await start(context, 'exports.handler = () => new Promise(() => {});');
  expect(await sandbox.invoke({})).toEqual({ kind: 'lost' });
  expect((await sandbox.exited).signal).toBeNull();
});

test('no answer by the deadline', async (context) => {
  const sandbox = await start(context, 'exports.handler = () => new Promise((r) => setTimeout(r, 60_000));');
  await sandbox.idle();
  expect(await sandbox.invoke({}, 100)).toEqual({ kind: 'timed_out' });
});

test('a frozen process does nothing until it is thawed', async (context) => {
  const sandbox = await start(context, 'exports.handler = async () => "awake";');
  await sandbox.idle();
  sandbox.freeze();
  expect(await sandbox.invoke({}, 300)).toEqual({ kind: 'timed_out' });
  sandbox.thaw();
  expect(await sandbox.invoke({})).toEqual(text('awake'));
});

test('the environment is the function’s own', async (context) => {
  process.env.NOT_FOR_FUNCTIONS = 'x';
  const sandbox = await start(context, 'exports.handler = async () => process.env;');
  const answer = await sandbox.invoke({});
  delete process.env.NOT_FOR_FUNCTIONS;
  const env = JSON.parse(answer.kind === 'response' ? answer.body : '{}');
  expect(env).toMatchObject({
    OWN: 'value',
    _HANDLER: 'index.handler',
    AWS_LAMBDA_RUNTIME_API: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  });
  expect(env).not.toHaveProperty('NOT_FOR_FUNCTIONS');
  expect(env).not.toHaveProperty('NODE_OPTIONS');
});

test('the runtime does not load undici, which a function may', async (context) => {
  const loaded = 'process.moduleLoadList.filter((name) => name.includes("undici"))';
  const sandbox = await start(context, `exports.handler = async (e) => { if (e.load) Headers; return ${loaded}; };`);
  expect(await sandbox.invoke({})).toEqual(text([]));
  const answer = await sandbox.invoke({ load: true });
  expect(answer.kind === 'response' && answer.body).toContain('undici');
});
