import { expect, test } from 'vitest';
import { createTransport } from '../../../lib/net/transport.ts';
import { turn, until } from '../../support/turns.ts';
import { json, type Step, together } from './play.ts';
import { createServer } from './server.ts';
import { createWatch } from './time.ts';

const saying = (word: string): Buffer => json(`{"word":"${word}"}`);
const FIRST = saying('answer 1');
const UNASKED = saying('unasked');

/** The first answer and what comes besides: with it, a moment later, or once the connection lies idle. */
const MORE: readonly (readonly [name: string, steps: (untilIdle: Step) => readonly Step[]])[] = [
  ['a second answer in one breath', () => [together(FIRST, UNASKED)]],
  ['a second answer at its heels', () => [FIRST, turn, UNASKED]],
  ['a second answer while nobody asks', (untilIdle) => [FIRST, untilIdle, UNASKED]],
  ['half an answer while nobody asks', (untilIdle) => [FIRST, untilIdle, UNASKED.subarray(0, 20)]],
  ['garbage while nobody asks', (untilIdle) => [FIRST, untilIdle, 'garbage\r\n\r\n']],
];

test.for(MORE)('%s is never taken for the answer to a later request', async ([, steps], { onTestFinished }) => {
  const idle = Promise.withResolvers<void>();
  const watch = createWatch();
  const server = await createServer(watch, {
    async respond() {
      const { length } = server.sent;
      return length === 1 ? steps(() => idle.promise) : [saying(`answer ${length}`)];
    },
  });
  onTestFinished(server.close);
  const send = createTransport({ clock: watch.clock, allowLoopbackHttp: true });
  const ask = () => send({ url: `http://127.0.0.1:${server.port}/oauth/v2/token`, body: 'a=b', secrets: [] });

  expect(await ask()).toMatchObject({ ok: true, value: { body: '{"word":"answer 1"}' } });
  await turn();
  idle.resolve();
  await until(() => server.open() === 0);
  for (const expected of ['answer 2', 'answer 3']) {
    expect(await ask()).toMatchObject({ ok: true, value: { body: `{"word":"${expected}"}` } });
  }
});
