import type { Overrides } from '../../../lib/compose/environment.ts';
import { createSandbox, type Sandbox } from '../../../lib/compose/sandbox.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';
import { turn, until } from '../../support/turns.ts';
import type { Case } from './catalogue.ts';
import type { Ask, Dependency } from './places.ts';
import type { Sent } from './play.ts';
import { profilesFor } from './profiles.ts';
import { openServices, type Services, type ServicesDeps } from './services.ts';
import { createStageClock, pass, type Watch } from './time.ts';

/** What was seen of a case. */
export interface Observation {
  readonly answer: GatewayAnswer | 'hangs';
  /** Milliseconds of the clock's time. */
  readonly tookMs: number;
  /** The log lines that were written for it. */
  readonly lines: readonly string[];
  readonly knownToken: string | undefined;
  /** How often the hostile answer was given. */
  readonly struck: number;
  /** What was sent to each service, warm-up included. */
  readonly sent: Readonly<Record<Dependency, readonly Sent[]>>;
  /** Every token that was issued. */
  readonly tokens: readonly string[];
}

/** What the cases of a run have in common. */
export interface StageDeps extends Pick<ServicesDeps, 'askTable'> {
  /** Parts of the broker that are wrong on purpose, to see that this is found. */
  readonly overrides?: Overrides;
}

/** Tokens live 12 h; callers wait for the renewal in the last minute. */
const LAST_MINUTE_MS = 12 * 3_600 * SECOND_MS - 31 * SECOND_MS;
/** The time that Lambda gives to one invocation. */
const INVOCATION_MS = 15_000;

/** Ends the connections that are kept, so that new ones are opened. */
async function dropConnections({ servers }: Services): Promise<void> {
  const all = Object.values(servers);
  for (const { drop } of all) drop();
  await until(() => all.every(({ open }) => open() === 0));
  // The other ends hear of it in the next turns.
  for (let turns = 0; turns < 5; turns += 1) await turn();
}

let stages = 0;

/** A sandbox in front of the services. AWS's SDK takes its endpoints from the environment of the process. */
function createBroker({ servers }: Services, isTls: boolean, overrides: Overrides): Sandbox {
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${servers['secrets-manager'].port}`,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${servers.dynamodb.port}`,
  });
  stages += 1;
  const issuer = `${isTls ? 'https://localhost' : 'http://127.0.0.1'}:${servers.zitadel.port}`;
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'test' };
  return createSandbox(profilesOf(profilesFor(issuer, `stage:${stages}`)), env, { random: () => 0.5, ...overrides });
}

/** Plays a case with a broker and services of its own. The cases of one process follow one another. */
export async function playCase(played: Case, { askTable, overrides }: StageDeps): Promise<Observation> {
  const { kind, place, isKnown } = played;
  const clock = createStageClock();
  const watch: Watch = { moves: 0, struck: 0, isHostileLast: false };
  const services = await openServices(played, { clock, watch, askTable });
  const lines: string[] = [];
  const changes = { clock, write: (line: string) => lines.push(line), ...overrides };
  const broker = createBroker(services, kind.isTls === true, changes);
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
    if (kind.greets || kind.isTls) await dropConnections(services);
    lines.length = 0;
    services.turnHostile();
    const passed = await ask(place.ask);
    const { zitadel, 'secrets-manager': secrets, dynamodb } = services.servers;
    return {
      answer: passed === 'hangs' ? passed : passed.value,
      tookMs: passed === 'hangs' ? INVOCATION_MS : passed.tookMs,
      lines: [...lines],
      knownToken,
      struck: watch.struck,
      sent: { zitadel: zitadel.sent, 'secrets-manager': secrets.sent, dynamodb: dynamodb.sent },
      tokens: services.tokens,
    };
  } finally {
    clock.dropTimers();
    await services.close();
  }
}
