import type { Overrides } from '../../../lib/compose/environment.ts';
import { createSandbox, type Sandbox } from '../../../lib/compose/sandbox.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';
import { turn, until } from '../../support/turns.ts';
import type { Case } from './case.ts';
import { type Cast, openCast } from './cast.ts';
import type { Ask, Dependency } from './place.ts';
import type { Proper, Sent } from './play.ts';
import { profilesFor } from './profiles.ts';
import { createStageClock, createWatch, pass, START } from './time.ts';

/** What was seen of a case. */
export interface Observation {
  readonly answer: GatewayAnswer | 'hangs';
  readonly tookMs: number;
  /** The lines of the log that were written for it. */
  readonly lines: readonly string[];
  readonly knownToken: string | undefined;
  /** How often hostility was met. */
  readonly struck: number;
  /** What was sent to each service, warm-up included. */
  readonly sent: Readonly<Record<Dependency, readonly Sent[]>>;
  /** Every token that was issued. */
  readonly tokens: readonly string[];
}

/** What the stages of a run have in common. */
export interface StageDeps {
  readonly askTable: (sent: Sent) => Promise<Proper>;
  /** Parts of the broker that are other than they should be: to see that it is found. */
  readonly overrides?: Overrides;
}

const HOUR_MS = 3_600_000;
/** Tokens live 12 h; callers wait for the renewal in the last minute. */
const LAST_MINUTE_MS = 12 * HOUR_MS - 31 * SECOND_MS;
/** The time that Lambda gives to one invocation. */
const INVOCATION_MS = 15_000;

/** Ends the connections that are kept, so that new ones are opened. */
async function forgetConnections({ theatres }: Cast): Promise<void> {
  const all = Object.values(theatres);
  for (const { drop } of all) drop();
  await until(() => all.every(({ open }) => open() === 0));
  // The other ends hear of it in the next turns.
  for (let turns = 0; turns < 5; turns += 1) await turn();
}

let stages = 0;

/** A sandbox in front of a cast. The SDK of AWS takes its endpoints from the environment of the process. */
function createBroker(cast: Cast, isTls: boolean, overrides: Overrides): Sandbox {
  const { zitadel, 'secrets-manager': secrets, dynamodb: table } = cast.theatres;
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${secrets.port}`,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${table.port}`,
  });
  stages += 1;
  const issuer = isTls ? `https://localhost:${zitadel.port}` : `http://127.0.0.1:${zitadel.port}`;
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'test' };
  return createSandbox(profilesOf(profilesFor(issuer, `stage:${stages}`)), env, { random: () => 0.5, ...overrides });
}

/** Plays a case with a broker and services of its own. Cases of one process follow one another. */
export async function playCase(played: Case, { askTable, overrides }: StageDeps): Promise<Observation> {
  const { kind, place, isKnown } = played;
  const clock = createStageClock(START);
  const watch = createWatch();
  const cast = await openCast(played, { clock, watch, askTable });
  const lines: string[] = [];
  const broker = createBroker(cast, kind.isTls === true, { clock, write: (line) => lines.push(line), ...overrides });
  const waiting = { clock, watch, isSilent: kind.means[place.scope] === 'down' };
  const ask = ({ profile, endpoint, form }: Ask) =>
    pass(waiting, INVOCATION_MS, broker[endpoint](tokenEvent(profile, form), context(INVOCATION_MS)));

  try {
    let knownToken: string | undefined;
    for (const warmUp of [...(place.before ? [place.before] : []), ...(isKnown ? [place.ask] : [])]) {
      const warm = await ask(warmUp);
      if (warm === 'hangs' || warm.value.statusCode !== 200) throw new Error(`the warm-up fails: ${lines.at(-1)}`);
      knownToken = isKnown ? String(JSON.parse(warm.value.body).access_token) : undefined;
    }
    if (isKnown) await clock.advance(LAST_MINUTE_MS);
    if (kind.greets || kind.isTls) await forgetConnections(cast);
    lines.length = 0;
    cast.turnHostile();
    const passed = await ask(place.ask);
    const { zitadel, 'secrets-manager': secrets, dynamodb: table } = cast.theatres;
    return {
      ...(passed === 'hangs'
        ? { answer: 'hangs', tookMs: INVOCATION_MS }
        : { answer: passed.value, tookMs: passed.tookMs }),
      lines: [...lines],
      knownToken,
      struck: watch.struck(),
      sent: { zitadel: zitadel.sent, 'secrets-manager': secrets.sent, dynamodb: table.sent },
      tokens: cast.tokens,
    };
  } finally {
    clock.dropTimers();
    await cast.close();
  }
}
