import { ALL } from '../../../lib/broker/store/notices.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import { createRandom, type Random } from '../runner/random.ts';
import type { History, Kinds } from '../runner/worlds.ts';
import { type FaultSpan, OPERATION_FAULTS } from './faults.ts';
import { CALLERS, type CallerName, PROFILE_NAMES, type ProfileName, WISHES, type Wish } from './setting.ts';
import { POISON_NAMES, type Poison } from './table.ts';

/** When a sandbox is killed: at once, or as soon as something has come about in it. */
export type Moment = 'now' | 'at_await' | 'with_lease' | 'in_request' | 'before_publishing';

/** What is done to a secret: changed with the account, put back to an older one by mistake, made unreadable. */
export type Rotation = 'changed' | 'reverted' | 'garbled' | 'too_new';

/** What is made to happen, by kind. `sandbox` counts from 0. */
export interface Items {
  ask: {
    sandbox: number;
    caller: CallerName;
    wish: Wish;
    remainingMs: number;
    /** Sends back the token that was handed out last for the same, as one that was refused. */
    rejects?: boolean;
    /** Has a token of `stock` exchanged instead of a user's, where profiles exchange callers' tokens. */
    exchangesOwn?: boolean;
  };
  /** One caller loops: it asks a sandbox for the same again and again. */
  loop: { sandbox: number; caller: CallerName; wish: Wish; requests: number };
  prewarm: { sandbox: number };
  /** `token`: how many have been handed out since the one that is asked about; of one that never was, a made-up one. */
  introspect: { sandbox: number; token: number };
  revoke: { sandbox: number };
  flush: { profile: ProfileName | typeof ALL };
  lock: { account: ProfileName; durationMs: number };
  /** A shift of half of the sandboxes to another bundle, or its roll-back. */
  deploy: { isBack: boolean };
  poison: { row: number; poison: Poison };
  fault: FaultSpan;
  /** `events`: with `at_await`, how many events it still sees. */
  kill: { sandbox: number; moment: Moment; events: number };
  freeze: { sandbox: number; durationMs: number };
  /** `durationMs`: how long until it is right again. */
  rotate: { secret: ProfileName; rotation: Rotation; durationMs: number };
  shorten: { lifeMs: number };
  delete_row: { row: number };
  skew: { sandbox: number; skewMs: number };
}

/** One thing that is made to happen. `at` and all other times are milliseconds from the start. */
export type Item<Kind extends keyof Items = keyof Items> = Kinds<Items, Kind>;

/** A whole history, made from its seed. */
export interface Plan extends History {
  readonly sandboxes: number;
  readonly lifeMs: number;
  readonly durationMs: number;
  /** No fault begins or lasts after this. */
  readonly faultsUntil: number;
  readonly items: readonly Item[];
}

/** After the last fault the broker has this long to be well again: one failure's memory and a renewal. */
export const RECOVERY_MS = 45 * SECOND_MS;

const LIVES_MS = [12_000, 20_000, 25_000, 60_000, 60_000, 300_000, 300_000, 3_600_000, 43_200_000] as const;
const MOST_SANDBOXES_LOG2 = 6;
const CALM_SHARE = 0.15;
const MILD_SHARE = 0.2;
/** In how many a caller loops. */
const LOOP_SHARE = 0.1;
/** Of those with faults, in how many the clocks of one or two sandboxes are hours off. */
const FAR_OFF_SHARE = 0.1;

type Shape = Omit<Plan, 'seed' | 'items'>;

/** What the items of a plan are drawn with. */
const createDraws = (random: Random, { sandboxes, durationMs, faultsUntil }: Shape) => ({
  random,
  at: () => random.int(0, durationMs),
  /** When a fault begins. */
  from: () => random.int(0, faultsUntil),
  /** How long a fault lasts that began at an instant. */
  lasting: (from: number, mostMs: number) => Math.min(faultsUntil - from, random.int(100, mostMs)),
  sandbox: () => random.int(0, sandboxes - 1),
  /** From none to so many. */
  many: (most: number, make: () => Item): Item[] => Array.from({ length: random.int(0, most) }, make),
});
type Draws = ReturnType<typeof createDraws>;

function createAsks({ random, at, sandbox }: Draws, { durationMs, faultsUntil }: Shape): Item[] {
  /** Instants at which many ask at once. */
  const bursts: [number, ...number[]] = [0, ...Array.from({ length: random.int(2, 8) }, at)];
  const wellAt = faultsUntil + RECOVERY_MS + 1;
  return Array.from({ length: random.int(90, 300) }, (_, index) => {
    const askedAt = random.chance(0.4) ? random.pick(bursts) : at();
    const wish = random.pick(WISHES);
    return {
      kind: 'ask',
      // Some come just when all must be well again.
      at: index < 10 ? Math.min(durationMs, wellAt + random.int(0, SECOND_MS)) : askedAt,
      sandbox: sandbox(),
      caller: random.pick(CALLERS),
      wish,
      remainingMs: random.chance(0.85) ? 15 * SECOND_MS : random.int(200, 15 * SECOND_MS),
      ...(wish.profile === 'desk' ? { exchangesOwn: random.chance(0.5) } : { rejects: random.chance(0.1) }),
    };
  });
}

/** A caller that loops, in some histories. */
function createLoops({ random, at, sandbox }: Draws): Item[] {
  if (!random.chance(LOOP_SHARE)) return [];
  const who = { sandbox: sandbox(), caller: random.pick(CALLERS), wish: random.pick(WISHES) };
  return [{ kind: 'loop', at: at(), ...who, requests: random.int(100, 400) }];
}

/** What happens without anything being wrong, besides token requests. */
function createErrands({ random, at, sandbox, many }: Draws, watcher: number): Item[] {
  const introspect = (): Item => {
    const askedAt = at();
    const who = random.chance(0.6) ? watcher : sandbox();
    return { kind: 'introspect', at: askedAt, sandbox: who, token: random.int(0, 4) };
  };
  return [
    ...many(12, () => ({ kind: 'prewarm', at: at(), sandbox: sandbox() })),
    ...many(2, () => ({ kind: 'revoke', at: at(), sandbox: sandbox() })),
    ...many(20, introspect),
    ...many(1, () => ({ kind: 'flush', at: at(), profile: random.pick([ALL, ...PROFILE_NAMES]) })),
  ];
}

function createFaultItems(draws: Draws, { faultsUntil, lifeMs }: Shape): Item[] {
  const { random, from, lasting, sandbox, many } = draws;
  const fault = (): Item => {
    const at = random.chance(0.25) ? 0 : from();
    const mostMs = random.pick([2 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, faultsUntil + 100]);
    const only = random.chance(0.3) ? sandbox() : undefined;
    const until = at + lasting(at, mostMs);
    const kind = random.pick(OPERATION_FAULTS);
    // Whole and half outages, and many single faults.
    const share = random.pick([1, 1, 0.5, 0.2, 0.05]);
    return { kind: 'fault', at, fault: kind, from: at, until, share, sandbox: only };
  };
  const outage = (): Item => {
    const at = from();
    return { kind: 'fault', at, fault: 'zitadel_away', from: at, until: at + lasting(at, 5 * MINUTE_MS), share: 1 };
  };
  const kill = (): Item => ({
    kind: 'kill',
    at: random.chance(0.3) ? 0 : from(),
    sandbox: sandbox(),
    moment: random.pick<Moment>(['now', 'at_await', 'at_await', 'with_lease', 'in_request', 'before_publishing']),
    events: random.int(1, 12),
  });
  const freeze = (): Item => {
    const at = from();
    const mostMs = random.pick([SECOND_MS, 10 * SECOND_MS, lifeMs, 2 * lifeMs]);
    return { kind: 'freeze', at, sandbox: sandbox(), durationMs: lasting(at, mostMs) };
  };
  const rotate = (): Item => {
    const at = from();
    const secret = random.pick<ProfileName>(['reports', ...PROFILE_NAMES]);
    const rotation = random.pick<Rotation>(['changed', 'reverted', 'garbled', 'too_new']);
    return { kind: 'rotate', at, secret, rotation, durationMs: lasting(at, 30 * SECOND_MS) };
  };
  return [
    ...many(6, fault),
    ...(random.chance(0.15) ? [outage()] : []),
    ...many(4, kill),
    ...many(3, freeze),
    ...many(2, rotate),
    ...many(1, () => ({ kind: 'shorten', at: from(), lifeMs: random.pick(LIVES_MS) })),
    ...many(1, () => ({ kind: 'delete_row', at: from(), row: random.int(0, 20) })),
    ...many(2, () => ({ kind: 'poison', at: from(), row: random.int(0, 8), poison: random.pick(POISON_NAMES) })),
    ...many(1, () => ({ kind: 'deploy', at: from(), isBack: false })),
    ...many(1, () => ({ kind: 'deploy', at: from(), isBack: true })),
    ...createMildFaults(draws, faultsUntil),
  ];
}

/** Profiles whose tokens are those of an account of their own. */
const ACCOUNTS = ['orders', 'reports', 'stock', 'brief'] as const satisfies readonly ProfileName[];

/** What is wrong at ZITADEL while everything answers. */
function createMildFaults({ random, from, lasting, many }: Draws, faultsUntil: number): Item[] {
  const lock = (): Item => {
    const at = from();
    return { kind: 'lock', at, account: random.pick(ACCOUNTS), durationMs: lasting(at, MINUTE_MS) };
  };
  const forget = (): Item => {
    const at = from();
    const until = at + lasting(at, faultsUntil);
    return { kind: 'fault', at, fault: 'zitadel_forgets', from: at, until, share: random.pick([0.5, 0.1]) };
  };
  return [...many(2, lock), ...many(1, forget)];
}

function createSkews(random: Random, sandboxes: number): Item[] {
  const mostMs = random.pick([0, 0, 20, 500, 1000]);
  const isFarOff = random.chance(FAR_OFF_SHARE);
  const skewMs = () =>
    isFarOff ? random.pick([-1, 1]) * random.int(10 * MINUTE_MS, 5 * HOUR_MS) : random.int(-mostMs, mostMs);
  const skewed = mostMs === 0 ? 0 : sandboxes;
  const length = isFarOff ? random.int(1, 2) : skewed;
  return Array.from({ length }, (_, sandbox) => ({ kind: 'skew', at: 0, sandbox, skewMs: skewMs() }));
}

/** Makes the history of a seed. */
export function createPlan(seed: string): Plan {
  const random = createRandom(seed).fork('plan');
  const sandboxes = Math.floor(2 ** (random.next() * (MOST_SANDBOXES_LOG2 + 0.02)));
  const lifeMs = random.pick(LIVES_MS);
  const faultsUntil = Math.floor(Math.max(60 * SECOND_MS, lifeMs * (0.8 + 2 * random.next())));
  const durationMs = faultsUntil + RECOVERY_MS + Math.floor(Math.max(30 * SECOND_MS, 0.3 * lifeMs));
  const shape = { sandboxes, lifeMs, durationMs, faultsUntil };
  const draws = createDraws(random, shape);
  /** Asks about tokens more often than others. */
  const watcher = draws.sandbox();
  const loops = createLoops(createDraws(random.fork('loops'), shape));
  const ordinary = [...createAsks(draws, shape), ...createErrands(draws, watcher), ...loops];
  const weather = random.next();
  const faults = (): Item[] => {
    if (weather < CALM_SHARE) return [];
    if (weather < CALM_SHARE + MILD_SHARE) return createMildFaults(draws, faultsUntil);
    return [...createSkews(random, sandboxes), ...createFaultItems(draws, shape)];
  };
  return { seed, ...shape, items: [...ordinary, ...faults()].sort((a, b) => a.at - b.at) };
}
