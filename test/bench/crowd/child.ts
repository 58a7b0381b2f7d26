import { systemClock } from '../../../lib/compose/journal.ts';
import { createTokenFunctions } from '../../../lib/compose/tokens.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';
import { DIRECT_FORM, DIRECT_HEADERS, FORM } from '../setting.ts';

/** What the parent asks for: a token request of no broker, or callers of a profile at once. */
export type Order = { readonly url: string } | { readonly profile: string; readonly callers: number };

const { env } = process;
const send = createTransport({ clock: systemClock, allowLoopbackHttp: false, env });
const { token } = createTokenFunctions(profilesOf(JSON.parse(env.PROFILES ?? '')), env, { write: () => undefined });

async function ask(order: Order): Promise<readonly number[]> {
  if ('url' in order) {
    const sent = await send({ url: order.url, ...DIRECT_HEADERS, body: DIRECT_FORM, secrets: [] });
    return [sent.ok ? sent.value.status : 0];
  }
  const events = Array.from({ length: order.callers }, () => tokenEvent(order.profile, FORM));
  const answers = await Promise.all(events.map((event) => token(event, context())));
  return answers.map(({ statusCode }) => statusCode);
}

process.on('message', async (order: Order) => {
  const from = performance.now();
  const statuses = await ask(order);
  const ms = performance.now() - from;
  process.send?.({ ms, isGood: statuses.every((status) => status === 200) });
});
