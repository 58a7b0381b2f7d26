import { fail } from '../../../lib/core/result.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { answer, type Outcome, START } from '../../support/fleet.ts';
import { turn } from '../../support/turns.ts';
import { lineOf } from '../runner/history.ts';
import { createRandom, type Random } from '../runner/random.ts';
import type { History, Kinds, Run, Tell, Violation, World } from '../runner/worlds.ts';
import { pick } from './changes.ts';
import { BROKER, createPair, PARTIES, type Pair, TYPES } from './setting.ts';
import { signParts } from './signing.ts';
import { createStage, type Stage } from './stage.ts';

/** What is promised whatever an issuer does: the times are those of docs/federation.md. */
export const PROMISES = [
  'no foreign assertion gets a token',
  'no request leaves for another origin',
  'an assertion is not refused because its issuer is away',
  'a rotated key is accepted within 30 s of its first use',
  'an issuer is read at most once in 30 s',
  'an issuer that is back is used within 30 s',
  'keys are used for a day at most',
] as const;
type Promised = (typeof PROMISES)[number];

const REREAD_MS = 30 * SECOND_MS;
const { iss } = PARTIES.idp;
const ORIGIN = new URL(iss).origin;
const DISCOVERY = `${ORIGIN}/.well-known/openid-configuration`;
const KEYS = `${ORIGIN}/keys`;
const EVIL = 'https://evil.example';

const metadata = (change: object = {}) => answer(200, { issuer: iss, jwks_uri: KEYS, ...change });
const keySet = (...pairs: readonly Pair[]) => answer(200, { keys: pairs.map(({ jwk }) => jwk) });

/** What an issuer that is not itself answers: at its metadata, and at its keys. */
export const TROUBLES: Readonly<Record<string, (url: string, honest: Outcome) => Outcome>> = {
  away: () => fail({ kind: 'unreachable', detail: 'ECONNREFUSED' }),
  'too slow': () => fail({ kind: 'timeout', detail: 'no answer in 3 s' }),
  'with an answer of 10 MB': () => fail({ kind: 'oversized', detail: 'more than 64 kB' }),
  'answering 500': () => answer(500, ''),
  'redirecting elsewhere': () => answer(302, '', { location: `${EVIL}/keys` }),
  'answering HTML': () => answer(200, '<html><title>Sign in</title></html>'),
  'pointing to keys elsewhere': (url, honest) => (url === DISCOVERY ? metadata({ jwks_uri: `${EVIL}/keys` }) : honest),
  'pointing to keys of a user elsewhere': (url, honest) =>
    url === DISCOVERY ? metadata({ jwks_uri: `https://idp.example@evil.example/keys` }) : honest,
  'calling itself otherwise': (url, honest) => (url === DISCOVERY ? metadata({ issuer: EVIL }) : honest),
  'without keys': (url, honest) => (url === KEYS ? answer(200, { keys: [] }) : honest),
  'with symmetric keys': (url, honest) =>
    url === KEYS ? answer(200, { keys: [{ kty: 'oct', k: 'AAAA', kid: 'key-0' }] }) : honest,
};

const WRONG_KEYS = 'an issuer with wrong keys under known ids';

const PAUSES = [
  50,
  SECOND_MS,
  5 * SECOND_MS,
  29 * SECOND_MS,
  REREAD_MS,
  31 * SECOND_MS,
  MINUTE_MS,
  9 * MINUTE_MS,
  10 * MINUTE_MS,
  HOUR_MS,
  6 * HOUR_MS,
  25 * HOUR_MS,
] as const;

/** How often each kind of step is taken, beside the others. */
const SHARES = { pause: 12, ask: 12, attack: 4, flood: 3, rotate: 3, trouble: 3, recover: 3, replace: 1, restart: 1 };
type Step = keyof typeof SHARES;
const STEPS = Object.keys(SHARES) as Step[];
const WEIGHTED = STEPS.flatMap((step) => Array<Step>(SHARES[step]).fill(step)) as [Step, ...Step[]];
const STEPS_OF_A_HISTORY = 60;

/** A history: its items are steps, one after the other. `at` is the number of a step, from which it draws. */
interface Plan extends History {
  readonly items: readonly Kinds<Record<Step, object>>[];
}

function createPlan(seed: string): Plan {
  const random = createRandom(seed);
  return { seed, items: Array.from({ length: STEPS_OF_A_HISTORY }, (_, at) => ({ kind: random.pick(WEIGHTED), at })) };
}

/** What the broker last learnt of the issuer, as its stand-in knows it. */
interface Served {
  readonly at: number;
  readonly kids: ReadonlySet<string>;
  /** Keys that nobody holds, under the ids of those that the issuer uses. */
  readonly isWrong: boolean;
}

/** Plays a history. It ends with its first broken promise. */
async function play({ seed, items }: Plan, tell: Tell = () => undefined): Promise<Run> {
  const random = createRandom(seed);
  const clock = createFakeClock(START);
  const now = () => clock.now() as number;
  const attacker = createPair('p256', 'key-0');
  let made = 0;
  const createKey = () => createPair('p256', `key-${made++}`);
  let keys: readonly [Pair, ...Pair[]] = [createKey()];
  let retired: Pair | undefined;
  let wrong: readonly Pair[] | undefined;
  let trouble: string | undefined;
  let honestSince = now();
  let firstUse: number | undefined;
  let served: Served | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  let readAt = Number.NEGATIVE_INFINITY;
  let violation: Violation | undefined;
  const find = (invariant: Promised, what: string) => {
    violation ??= { invariant, what, at: now() };
  };
  let requests = 0;
  const counts = new Map<string, number>();
  const count = (what: string) => {
    counts.set(what, (counts.get(what) ?? 0) + 1);
    tell(lineOf(now() - START, what));
  };

  function serve(url: string): Outcome {
    const at = now();
    if (new URL(url).origin !== ORIGIN) find('no request leaves for another origin', url);
    if (url.startsWith(EVIL) || url.includes('evil')) return keySet(attacker);
    if (url === DISCOVERY) {
      if (at - readAt < REREAD_MS) find('an issuer is read at most once in 30 s', `after ${at - readAt} ms`);
      readAt = at;
    }
    const published = wrong ?? keys;
    const honest = url === DISCOVERY ? metadata() : keySet(...published);
    const outcome = TROUBLES[trouble ?? '']?.(url, honest) ?? honest;
    if (outcome !== honest) failedAt = at;
    else if (url === KEYS)
      served = { at, kids: new Set(published.map(({ jwk }) => jwk.kid)), isWrong: wrong !== undefined };
    return outcome;
  }
  const start = (): Stage => createStage(serve, clock);
  let stage = start();

  const assertionOf = (pair: Pair, claims: object = {}, kid: string = pair.jwk.kid): string => {
    const iat = Math.floor(now() / SECOND_MS);
    const body = { iss, sub: 'agent-1', tenant: 'acme', aud: BROKER, iat, exp: iat + 600, ...claims };
    return signParts({ alg: 'ES256', kid }, body, pair, 'ES256');
  };
  const ask = async (jwt: string): Promise<number> => {
    const { answer: answered } = await stage.play({ profile: 'orders', type: TYPES.jwt, jwt });
    requests += 1;
    count(`answers ${answered.statusCode}`);
    return answered.statusCode;
  };

  /** What the answer to an assertion with the issuer's newest key must be. */
  function judgeHonest(status: number, kid: string, first: number): void {
    const at = now();
    const isHonest = trouble === undefined && wrong === undefined;
    const isNew = served !== undefined && !served.kids.has(kid) && at - served.at < REREAD_MS;
    const isReplaced = served?.isWrong && served.kids.has(kid);
    if (status === 401 && !isNew && !isReplaced)
      find(
        isHonest
          ? 'a rotated key is accepted within 30 s of its first use'
          : 'an assertion is not refused because its issuer is away',
        `${trouble ?? 'honest'}: ${status}`,
      );
    const wasHonest = isHonest && honestSince <= first && at - first >= REREAD_MS;
    if (wasHonest && status !== 200 && !isReplaced)
      find('a rotated key is accepted within 30 s of its first use', `${status} after ${at - first} ms`);
    if (status === 503 && isHonest && at - failedAt >= REREAD_MS)
      find('an issuer that is back is used within 30 s', `failed ${at - failedAt} ms ago`);
    if (status === 200 && (served === undefined || at - served.at > DAY_MS))
      find('keys are used for a day at most', `read ${at - (served?.at ?? 0)} ms ago`);
    if (![200, 401, 503].includes(status)) find('no foreign assertion gets a token', `answered ${status}`);
  }

  const actions: Readonly<Record<Step, (draw: Random) => unknown>> = {
    pause: (draw) => clock.advance(draw.pick(PAUSES)),
    async ask(draw) {
      const [pair] = keys;
      firstUse ??= now();
      const first = firstUse;
      const asked = Array.from({ length: draw.int(1, 3) }, () => ask(assertionOf(pair)));
      for (const status of await Promise.all(asked)) judgeHonest(status, pair.jwk.kid, first);
    },
    async attack(draw) {
      const [pair] = keys;
      const old = retired;
      const isGone = old !== undefined && !keys.includes(old) && !served?.kids.has(old.jwk.kid);
      const attacks = {
        'a wrong key under a known kid': assertionOf(attacker, {}, pair.jwk.kid),
        'the key of another origin': assertionOf(attacker),
        'the key of another issuer': assertionOf(PARTIES.mesh.pairs.p256, {}, pair.jwk.kid),
        'another audience': assertionOf(pair, { aud: EVIL }),
        'another tenant': assertionOf(pair, { tenant: 'evil' }),
        'too old': assertionOf(pair, { iat: Math.floor(now() / SECOND_MS) - 3600 }),
        ...(isGone && { 'a key that the issuer no longer has': assertionOf(old) }),
      };
      const [what, jwt] = pick(draw, Object.entries(attacks));
      const status = await ask(jwt);
      if (![401, 403, 503].includes(status)) find('no foreign assertion gets a token', `${what}: ${status}`);
    },
    async flood(draw) {
      for (let left = draw.int(1, 12); left > 0; left -= 1) {
        const status = await ask(assertionOf(attacker, {}, `made-up-${draw.int(0, 1_000_000)}`));
        if (![401, 503].includes(status)) find('no foreign assertion gets a token', `a made-up kid: ${status}`);
      }
    },
    rotate(draw) {
      const [old] = keys;
      retired = old;
      // Some issuers keep the old key for a while, some do not.
      keys = [createKey(), ...(draw.chance(0.5) ? [old] : [])];
      firstUse = undefined;
    },
    trouble(draw) {
      trouble = pick(draw, Object.keys(TROUBLES));
      count(`an issuer ${trouble}`);
    },
    recover() {
      if (trouble === undefined && wrong === undefined) return;
      trouble = undefined;
      wrong = undefined;
      honestSince = now();
    },
    replace() {
      wrong = keys.map(({ jwk }) => createPair('p256', jwk.kid));
      count(WRONG_KEYS);
    },
    restart() {
      stage = start();
      // Nothing is left of what the sandbox knew; another one has its own pause between two readings.
      served = undefined;
      readAt = Number.NEGATIVE_INFINITY;
      failedAt = Number.NEGATIVE_INFINITY;
    },
  };

  for (const { kind, at } of items) {
    if (violation !== undefined) break;
    count(kind);
    await actions[kind](random.fork(String(at)));
    await turn();
  }
  return { requests, events: items.length, counts, violation };
}

const ANSWERS = ['answers 200', 'answers 401', 'answers 503'];
const OF_TROUBLE = Object.keys(TROUBLES).map((name) => `an issuer ${name}`);

/** An issuer that rotates its keys, vanishes and lies, and its workloads. */
export const ISSUERS: World = {
  kinds: [...ANSWERS, ...STEPS, ...OF_TROUBLE, WRONG_KEYS],
  promises: PROMISES,
  createPlan,
  play,
};
