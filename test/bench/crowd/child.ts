import { systemClock } from '../../../lib/compose/journal.ts';
import { createTokenFunctions } from '../../../lib/compose/tokens.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';
import { DIRECT_FORM, DIRECT_HEADERS, FORM, serviceName } from '../setting.ts';
import { serve } from '../worker.ts';

const { env } = process;
const send = createTransport({ clock: systemClock, allowLoopbackHttp: false, env });
const { token } = createTokenFunctions(profilesOf(JSON.parse(env.PROFILES ?? '')), env, { write: () => undefined });
let crowds = 0;

/** Milliseconds until all have a token. */
async function time(ask: () => Promise<readonly (number | undefined)[]>): Promise<number> {
  const from = performance.now();
  const statuses = await ask();
  const ms = performance.now() - from;
  if (statuses.some((status) => status !== 200)) throw new Error(`not everybody got a token: ${statuses}`);
  return ms;
}

const program = {
  /** A token request without the broker. */
  direct: () =>
    time(async () => {
      const url = `${env.ISSUER}/oauth/v2/token`;
      const sent = await send({ url, ...DIRECT_HEADERS, body: DIRECT_FORM, secrets: [] });
      return [sent.ok ? sent.value.status : undefined];
    }),
  /** Callers at once; each crowd asks for a profile without a token. */
  crowd: (callers: number) =>
    time(async () => {
      const profile = serviceName(crowds);
      crowds += 1;
      const events = Array.from({ length: callers }, () => tokenEvent(profile, FORM));
      const answers = await Promise.all(events.map((event) => token(event, context())));
      return answers.map(({ statusCode }) => statusCode);
    }),
};
export type Program = typeof program;

serve(program);
