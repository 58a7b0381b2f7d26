import { createHash } from 'node:crypto';
import { createSecretsManager } from '../../../infra/local/secrets-manager.ts';
import type { StandIn } from '../../../infra/local/stand-in.ts';
import { createTable } from '../../../infra/local/table.ts';
import type { Overrides } from '../../../lib/compose/environment.ts';
import { createSandbox, type Sandbox } from '../../../lib/compose/sandbox.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { accounts, SECRETS } from '../../support/accounts.ts';
import { context, tokenEvent } from '../../support/events.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { PROJECT_AUDIENCE, profilesFor, profilesOf } from '../../support/profiles.ts';
import { turn, until } from '../../support/turns.ts';
import type { Case } from './catalogue.ts';
import type { Ask, Dependency } from './places.ts';
import { answer, type Given, type Proper, RESET, type Sent, type Step } from './play.ts';
import { createServer, type Server } from './server.ts';
import { createWatch, pass, type Watch } from './time.ts';

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

/** Tokens live 12 h; callers wait for the renewal in the last minute. */
const LAST_MINUTE_MS = 12 * 3_600 * SECOND_MS - 31 * SECOND_MS;
/** The time that Lambda gives to one invocation. */
const INVOCATION_MS = 15_000;

const ok = (type: string, members: object): Proper => ({ status: 200, type, body: JSON.stringify(members) });

/** What ZITADEL answers. */
function zitadelAnswer({ head, body }: Sent, token: string): Proper {
  const type = 'application/json';
  if (head.startsWith('POST /oauth/v2/revoke ')) return { status: 200, type, body: '' };
  if (head.startsWith('POST /oauth/v2/introspect '))
    return ok(type, { active: true, sub: '300000000000000001', client_id: accounts.saSecret.clientId });
  const issued = { access_token: token, token_type: 'Bearer', expires_in: 43_199 };
  if (!body.includes('subject_token=')) return ok(type, issued);
  return ok(type, { ...issued, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
}

/** What the stand-in for a service of AWS answers. */
async function awsAnswer({ url }: StandIn, { head, body }: Sent): Promise<Proper> {
  const sent = head.matchAll(/^(x-amz-[\w-]+|authorization|content-type): *(.*)$/gim);
  const response = await fetch(url, {
    method: 'POST',
    headers: [...sent].map(([, name = '', value = '']) => [name, value] as [string, string]),
    body: Buffer.from(body, 'latin1'),
  });
  const { status, headers } = response;
  return { status, type: headers.get('content-type') ?? '', body: await response.text() };
}

const NO_REQUEST: Sent = { head: '', body: '' };
/** The answer to a write that is not made. */
const NOTHING = ok('application/x-amz-json-1.0', {});

/** All that the broker depends on: it works at first, then it is hostile in the way of a case. */
async function openServices({ kind, place }: Case, watch: Watch) {
  const tokens: string[] = [];
  let isHostile = false;
  const table = await createTable({ tableName: 'tokens' });
  const secrets = await createSecretsManager({ now: watch.clock.now });
  for (const [name, secret] of Object.entries(SECRETS)) secrets.put(name, secret);

  /** Tokens look like nothing else, and no two are alike. */
  function issue(): string {
    const token = `tok_${createHash('sha256').update(`${table.port} ${tokens.length}`).digest('base64url')}`;
    tokens.push(token);
    return token;
  }

  function strike(given: Given): readonly Step[] {
    watch.struck += 1;
    return kind.play(given);
  }

  function open(dependency: Dependency, service: (sent: Sent, token: string) => Proper | Promise<Proper>) {
    const isZitadel = dependency === 'zitadel';
    const isStruck = () => isHostile && place.dependency === dependency;
    return createServer(watch, {
      async respond(sent) {
        if (dependency === 'dynamodb' && isHostile && place.isTableAway) return [RESET];
        const isMarked = isStruck() && place.isMark(sent);
        const token = isZitadel ? issue() : '';
        const isMade = !isMarked || place.isWritten !== false || kind.means[place.scope] === 'answer';
        const proper = isMade ? await service(sent, token) : NOTHING;
        return isMarked ? strike({ proper, sent, token }) : [answer(proper.status, proper)];
      },
      greet() {
        return isStruck() && kind.greets ? strike({ proper: NOTHING, sent: NO_REQUEST, token: '' }) : undefined;
      },
      security() {
        if (!isZitadel || kind.security === undefined) return undefined;
        if (isHostile) watch.struck += 1;
        return isHostile ? kind.security : {};
      },
    });
  }

  const servers: Readonly<Record<Dependency, Server>> = {
    zitadel: await open('zitadel', zitadelAnswer),
    'secrets-manager': await open('secrets-manager', (sent) => awsAnswer(secrets, sent)),
    dynamodb: await open('dynamodb', (sent) => awsAnswer(table, sent)),
  };
  const all = Object.values(servers);
  return {
    servers,
    tokens,
    turnHostile: () => {
      isHostile = true;
    },
    /** Ends the connections that are kept, so that new ones are opened. */
    async dropConnections() {
      for (const { drop } of all) drop();
      await until(() => all.every(({ open }) => open() === 0));
      // The other ends hear of it in the next turns.
      for (let turns = 0; turns < 5; turns += 1) await turn();
    },
    close: () => Promise.all([...all, table, secrets].map((server) => server.close())),
  };
}

/** More ways to ZITADEL than the profiles of other tests have. */
const CHANGES = {
  orders: { scopes: [PROJECT_AUDIENCE] },
  billing: { subject: 'orders', scopes: [PROJECT_AUDIENCE] },
  asserted: { secret: 'billing', grant: 'client_credentials', scopes: [PROJECT_AUDIENCE] },
  'introspecting-with-secret': { secret: 'orders', introspection: 'shipping' },
};

/** A sandbox in front of the services. AWS's SDK takes its endpoints from the environment of the process. */
function createBroker(servers: Readonly<Record<Dependency, Server>>, isTls: boolean, overrides: Overrides): Sandbox {
  Object.assign(process.env, {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${servers['secrets-manager'].port}`,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${servers.dynamodb.port}`,
  });
  const issuer = `${isTls ? 'https://localhost' : 'http://127.0.0.1'}:${servers.zitadel.port}`;
  const env = { TABLE_NAME: 'tokens', BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'test' };
  return createSandbox(profilesOf(profilesFor(issuer, CHANGES)), env, { random: () => 0.5, ...overrides });
}

/** Resolves once no timer is set: an answer does not wait for the writes that follow it, but each has a time limit. */
const isAtRest = (clock: FakeClock): Promise<void> => until(() => clock.nextMs() === Number.POSITIVE_INFINITY);

/**
 * Plays a case with a broker and services of its own. The cases of one process follow one another.
 * @param overrides parts of the broker that are wrong on purpose, to see that this is found
 */
export async function playCase(played: Case, overrides: Overrides): Promise<Observation> {
  const { kind, place, isKnown } = played;
  const isTls = kind.security !== undefined;
  const watch = createWatch();
  const { clock } = watch;
  const lines: string[] = [];
  const { servers, tokens, turnHostile, dropConnections, close } = await openServices(played, watch);
  const write = (line: string) => lines.push(line);
  const broker = createBroker(servers, isTls, { clock, write, ...overrides });
  const ask = ({ profile, endpoint, form }: Ask) =>
    pass(watch, INVOCATION_MS, broker[endpoint](tokenEvent(profile, form), context(INVOCATION_MS)));

  try {
    let knownToken: string | undefined;
    for (const warmUp of [...(place.before ? [place.before] : []), ...(isKnown ? [place.ask] : [])]) {
      const warm = await ask(warmUp);
      if (warm === 'hangs' || warm.value.statusCode !== 200) throw new Error(`the warm-up fails: ${lines.at(-1)}`);
      knownToken = isKnown ? String(JSON.parse(warm.value.body).access_token) : undefined;
    }
    if (isKnown) await clock.advance(LAST_MINUTE_MS);
    if (kind.greets || isTls) await dropConnections();
    lines.length = 0;
    turnHostile();
    const passed = await ask(place.ask);
    await pass(watch, INVOCATION_MS, isAtRest(clock));
    const { zitadel, 'secrets-manager': secrets, dynamodb } = servers;
    return {
      answer: passed === 'hangs' ? passed : passed.value,
      tookMs: passed === 'hangs' ? INVOCATION_MS : passed.tookMs,
      lines: [...lines],
      knownToken,
      struck: watch.struck,
      sent: { zitadel: zitadel.sent, 'secrets-manager': secrets.sent, dynamodb: dynamodb.sent },
      tokens,
    };
  } finally {
    clock.dropTimers();
    await close();
  }
}
