import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, type TestContext, test } from 'vitest';
import { listen } from '../../../infra/local/stand-in.ts';
import { createProxy, type Ending, type Line } from './proxy.ts';

/** What a client meets: an answer's body, the code of an error, or nothing in a while. */
type Met = string;

/** Where nothing is expected to come; anything else has time on a busy machine. */
const A_WHILE_MS = 300;
const LONG_MS = 60_000;
const BODY = 'x'.repeat(500);

/** A server that answers at once, the way to it, and a client that keeps one connection. */
async function connect({ onTestFinished }: TestContext) {
  const server = await listen((_req, res) => void res.end(BODY));
  const line = await createProxy(server.port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(async () => {
    agent.destroy();
    await line.close();
    await server.close();
  });
  async function ask(path = '/', waitMs = LONG_MS): Promise<Met> {
    const signal = AbortSignal.timeout(waitMs);
    const sent = request(`${line.url}${path}`, { agent, signal });
    // An error after the head of the answer is that of the answer.
    sent.on('error', () => undefined).end();
    try {
      const [response] = await once(sent, 'response');
      return await text(response);
    } catch (error) {
      return signal.aborted ? 'nothing' : String((error as NodeJS.ErrnoException).code);
    }
  }
  return { line, ask };
}

/** What each fault does to a client, network.test.ts tells. */
test('only so many requests, and only those that match, meet a fault', async (context) => {
  const { line, ask } = await connect(context);
  line.fault({ kind: 'reset', afterBytes: 0 }, { only: /GET \/bad/, times: 1 });
  expect([await ask('/good'), await ask('/bad'), await ask('/bad')]).toEqual([BODY, 'ECONNRESET', BODY]);
  expect(line.met()).toBe(1);
});

const endings: readonly (readonly [Ending, Met, made: number])[] = [
  ['end', BODY, 2],
  ['reset', BODY, 2],
  ['reset_on_use', 'ECONNRESET', 1],
  ['silence', 'nothing', 1],
];

test.for(endings)('an idle connection ends (%s)', async ([ending, met, made], context) => {
  const { line, ask } = await connect(context);
  await ask();
  expect(line.drop(ending)).toBe(1);
  await sleep(50);
  expect(await ask('/', met === 'nothing' ? A_WHILE_MS : LONG_MS)).toBe(met);
  expect(line.made()).toBe(made);
  expect(await ask()).toBe(BODY);
});

async function givenUp(line: Line): Promise<number> {
  await expect.poll(() => line.busy()).toBe(0);
  return line.givenUp();
}

test('counts the connections that the client gave up, and no others', async (context) => {
  const { line, ask } = await connect(context);
  await ask();
  line.drop('end');
  await ask();
  line.fault({ kind: 'reset', afterBytes: 0 });
  await ask();
  expect(await givenUp(line)).toBe(0);
  line.fault({ kind: 'silence', afterBytes: 0 });
  const asked = ask('/', A_WHILE_MS);
  await expect.poll(() => line.busy()).toBe(1);
  await asked;
  expect(await givenUp(line)).toBe(1);
});
