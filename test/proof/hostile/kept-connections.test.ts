import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { instant } from '../../../lib/core/time.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { turn, until } from '../../support/turns.ts';
import { answer } from './play.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const saying = (word: string): Buffer => answer(200, { type: 'application/json', body: `{"word":"${word}"}` });
const UNASKED = saying('unasked');

/** What comes on a connection besides the first answer: with it, a moment later, or once the connection lies idle. */
const MORE: readonly (readonly [name: string, bytes: Buffer, when: 'at once' | 'next turn' | 'idle'])[] = [
  ['a second answer in one breath', UNASKED, 'at once'],
  ['a second answer at its heels', UNASKED, 'next turn'],
  ['a second answer while nobody asks', UNASKED, 'idle'],
  ['half an answer while nobody asks', UNASKED.subarray(0, 20), 'idle'],
  ['garbage while nobody asks', Buffer.from('garbage\r\n\r\n'), 'idle'],
];

test.each(MORE)('%s is never taken for the answer to a later request', async (_name, bytes, when) => {
  let requests = 0;
  let firstIsGone = false;
  let idle: Socket | undefined;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      requests += 1;
      if (requests > 1) return void socket.write(saying(`answer ${requests}`));
      idle = socket;
      socket.on('close', () => {
        firstIsGone = true;
      });
      socket.write(when === 'at once' ? Buffer.concat([saying('answer 1'), bytes]) : saying('answer 1'));
      if (when === 'next turn') setImmediate(() => socket.write(bytes));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const send = createTransport({ clock: createFakeClock(instant(1_795_438_700_000)), allowLoopbackHttp: true });
  const ask = () => send({ url: `http://127.0.0.1:${port}/oauth/v2/token`, body: 'a=b', secrets: [] });

  expect(await ask()).toMatchObject({ ok: true, value: { body: '{"word":"answer 1"}' } });
  if (when === 'idle') await turn();
  if (when === 'idle') idle?.write(bytes);
  await until(() => firstIsGone);
  for (const expected of ['answer 2', 'answer 3']) {
    expect(await ask()).toMatchObject({ ok: true, value: { body: `{"word":"${expected}"}` } });
  }
});
