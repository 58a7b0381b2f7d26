import { ALL } from '../../../lib/broker/store/notices.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import { type FaultSpan, OPERATION_FAULTS, type OperationFault } from './faults.ts';
import { createRandom, type Random } from './random.ts';
import { CALLERS, type CallerName, PROFILE_NAMES, type ProfileName, WISHES, type Wish } from './setting.ts';
import { POISON_NAMES, type Poison } from './table.ts';

/** When a sandbox is killed: at once, or as soon as something has come about in it. */
export type Moment = 'now' | 'at_await' | 'with_lease' | 'in_request' | 'before_publishing';

/** What is done to a secret: changed with the account, put back to an older one by mistake, made unreadable. */
export type Rotation = 'changed' | 'reverted' | 'garbled' | 'too_new';

/** One thing that is made to happen. Times are milliseconds from the start; `sandbox` counts from 0. */
export type Item =
  | {
      readonly kind: 'ask';
      readonly at: number;
      readonly sandbox: number;
      readonly caller: CallerName;
      readonly wish: Wish;
      readonly remainingMs: number;
      /** Sends back the token that was handed out last for the same, as one that was refused. */
      readonly rejects?: boolean;
      /** Has a token of `stock` exchanged instead of a user's, where profiles exchange callers' tokens. */
      readonly exchangesOwn?: boolean;
    }
  | { readonly kind: 'prewarm'; readonly at: number; readonly sandbox: number }
  /** `token`: how many have been handed out since the one that is asked about; of one that never was, a made-up one. */
  | { readonly kind: 'introspect'; readonly at: number; readonly sandbox: number; readonly token: number }
  | { readonly kind: 'revoke'; readonly at: number; readonly sandbox: number }
  | { readonly kind: 'flush'; readonly at: number; readonly profile: ProfileName | typeof ALL }
  | { readonly kind: 'lock'; readonly at: number; readonly account: ProfileName; readonly durationMs: number }
  | { readonly kind: 'deploy'; readonly at: number }
  | { readonly kind: 'poison'; readonly at: number; readonly row: number; readonly poison: Poison }
  | ({ readonly kind: 'fault'; readonly at: number } & FaultSpan)
  | {
      readonly kind: 'kill';
      readonly at: number;
      readonly sandbox: number;
      readonly moment: Moment;
      /** With `at_await`: how many events it still sees. */
      readonly events: number;
    }
  | { readonly kind: 'freeze'; readonly at: number; readonly sandbox: number; readonly durationMs: number }
  | {
      readonly kind: 'rotate';
      readonly at: number;
      readonly secret: ProfileName;
      readonly rotation: Rotation;
      /** How long until it is right again. */
      readonly durationMs: number;
    }
  | { readonly kind: 'shorten'; readonly at: number; readonly lifeMs: number }
  | { readonly kind: 'delete_row'; readonly at: number; readonly row: number }
  | { readonly kind: 'skew'; readonly at: 0; readonly sandbox: number; readonly skewMs: number };

/** A whole history, made from its seed. */
export interface Plan {
  readonly seed: string;
  readonly sandboxes: number;
  readonly lifeMs: number;
  readonly durationMs: number;
  /** No fault begins or lasts after this. */
  readonly faultsUntil: number;
  readonly items: readonly Item[];
}

/** After the last fault the broker has this long to be well again: one failure's memory and a renewal. */
export const RECOVERY_MS = 45 * SECOND_MS;

const LIVES_MS = [12, 20, 25, 60, 60, 300, 300, 3600, 43_200].map((seconds) => seconds * SECOND_MS) as [
  number,
  ...number[],
];
const MOST_SANDBOXES_LOG2 = 6;
const CALM_SHARE = 0.15;
const MILD_SHARE = 0.2;
/** Of those with faults, in how many the clocks of one or two sandboxes are hours off. */
const FAR_OFF_SHARE = 0.1;

/** Instants at which many ask at once. */
const bursts = (random: Random, durationMs: number): [number, ...number[]] => [
  0,
  ...Array.from({ length: random.int(2, 8) }, () => random.int(0, durationMs)),
];

function createAsks(
  random: Random,
  { sandboxes, durationMs, faultsUntil }: Pick<Plan, 'sandboxes' | 'durationMs' | 'faultsUntil'>,
): Item[] {
  const instants = bursts(random, durationMs);
  const wellAt = faultsUntil + RECOVERY_MS + 1;
  return Array.from({ length: random.int(90, 300) }, (_, index) => {
    const at = random.chance(0.4) ? random.pick(instants) : random.int(0, durationMs);
    const wish = random.pick(WISHES);
    return {
      kind: 'ask',
      // Some come just when all must be well again.
      at: index < 10 ? Math.min(durationMs, wellAt + random.int(0, SECOND_MS)) : at,
      sandbox: random.int(0, sandboxes - 1),
      caller: random.pick(CALLERS),
      wish,
      remainingMs: random.chance(0.85) ? 15 * SECOND_MS : random.int(200, 15 * SECOND_MS),
      ...(wish.profile === 'desk' ? { exchangesOwn: random.chance(0.5) } : { rejects: random.chance(0.1) }),
    } as const;
  });
}

/** Makes items, from none to so many. */
const several =
  (random: Random) =>
  (most: number, make: () => Item): Item[] =>
    Array.from({ length: random.int(0, most) }, make);

/** How long something lasts that must be over at an instant. */
const durations = (random: Random, until: number) => (from: number, mostMs: number) =>
  Math.min(until - from, random.int(100, mostMs));

/** A share of whole and half outages and of many single faults. */
const shareOf = (random: Random): number => random.pick([1, 1, 0.5, 0.2, 0.05]);

function createFaultItems(
  random: Random,
  { sandboxes, faultsUntil, lifeMs }: Pick<Plan, 'sandboxes' | 'faultsUntil' | 'lifeMs'>,
): Item[] {
  const kinds = Object.keys(OPERATION_FAULTS) as [OperationFault, ...OperationFault[]];
  const at = () => random.int(0, faultsUntil);
  const sandbox = () => random.int(0, sandboxes - 1);
  const lasting = durations(random, faultsUntil);
  const many = several(random);

  const fault = (): Item => {
    const from = random.chance(0.25) ? 0 : at();
    const mostMs = random.pick([2 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, faultsUntil + 100]);
    const only = random.chance(0.3) ? sandbox() : undefined;
    const until = from + lasting(from, mostMs);
    return { kind: 'fault', at: from, fault: random.pick(kinds), from, until, share: shareOf(random), sandbox: only };
  };
  const outage = (): Item => {
    const from = at();
    const until = from + lasting(from, 5 * MINUTE_MS);
    return { kind: 'fault', at: from, fault: 'zitadel_away', from, until, share: 1 };
  };
  const kill = (): Item => ({
    kind: 'kill',
    at: random.chance(0.3) ? 0 : at(),
    sandbox: sandbox(),
    moment: random.pick<Moment>(['now', 'at_await', 'at_await', 'with_lease', 'in_request', 'before_publishing']),
    events: random.int(1, 12),
  });
  const freeze = (): Item => {
    const from = at();
    const mostMs = random.pick([SECOND_MS, 10 * SECOND_MS, lifeMs, 2 * lifeMs]);
    return { kind: 'freeze', at: from, sandbox: sandbox(), durationMs: lasting(from, mostMs) };
  };
  const rotate = (): Item => {
    const from = at();
    const secret = random.pick<ProfileName>(['reports', ...PROFILE_NAMES]);
    const rotation = random.pick<Rotation>(['changed', 'reverted', 'garbled', 'too_new']);
    return { kind: 'rotate', at: from, secret, rotation, durationMs: lasting(from, 30 * SECOND_MS) };
  };
  return [
    ...many(6, fault),
    ...(random.chance(0.15) ? [outage()] : []),
    ...many(4, kill),
    ...many(3, freeze),
    ...many(2, rotate),
    ...many(1, () => ({ kind: 'shorten', at: at(), lifeMs: random.pick(LIVES_MS) })),
    ...many(1, () => ({ kind: 'delete_row', at: at(), row: random.int(0, 20) })),
    ...many(2, () => ({ kind: 'poison', at: at(), row: random.int(0, 8), poison: random.pick(POISON_NAMES) })),
    ...many(1, () => ({ kind: 'deploy', at: at() })),
    ...createMildFaults(random, faultsUntil),
  ];
}

/** Profiles whose tokens are those of an account of their own. */
const ACCOUNTS = ['orders', 'reports', 'stock', 'brief'] as const satisfies readonly ProfileName[];

/** What is wrong at ZITADEL while everything answers. */
function createMildFaults(random: Random, faultsUntil: number): Item[] {
  const lasting = durations(random, faultsUntil);
  const many = several(random);
  const lock = (): Item => {
    const at = random.int(0, faultsUntil);
    return { kind: 'lock', at, account: random.pick(ACCOUNTS), durationMs: lasting(at, MINUTE_MS) };
  };
  const forget = (): Item => {
    const from = random.int(0, faultsUntil);
    const until = from + lasting(from, faultsUntil);
    return { kind: 'fault', at: from, fault: 'zitadel_forgets', from, until, share: random.pick([0.5, 0.1]) };
  };
  return [...many(2, lock), ...many(1, forget)];
}

function createSkews(random: Random, sandboxes: number): Item[] {
  const mostMs = random.pick([0, 0, 20, 500, 1000]);
  if (random.chance(FAR_OFF_SHARE)) {
    const offMs = () => random.pick([-1, 1]) * random.int(10 * MINUTE_MS, 5 * HOUR_MS);
    return Array.from(
      { length: random.int(1, 2) },
      (_, sandbox) => ({ kind: 'skew', at: 0, sandbox, skewMs: offMs() }) as const,
    );
  }
  if (mostMs === 0) return [];
  return Array.from(
    { length: sandboxes },
    (_, sandbox) => ({ kind: 'skew', at: 0, sandbox, skewMs: random.int(-mostMs, mostMs) }) as const,
  );
}

/** Makes the history of a seed. */
export function createPlan(seed: string): Plan {
  const random = createRandom(seed).fork('plan');
  const sandboxes = Math.floor(2 ** (random.next() * (MOST_SANDBOXES_LOG2 + 0.02)));
  const lifeMs = random.pick(LIVES_MS);
  const faultsUntil = Math.floor(Math.max(60 * SECOND_MS, lifeMs * (0.8 + 2 * random.next())));
  const durationMs = faultsUntil + RECOVERY_MS + Math.floor(Math.max(30 * SECOND_MS, 0.3 * lifeMs));
  const shape = { sandboxes, lifeMs, durationMs, faultsUntil };
  const at = () => random.int(0, durationMs);
  const sandbox = () => random.int(0, sandboxes - 1);
  const many = several(random);
  /** Asks about tokens more often than others. */
  const watcher = sandbox();
  const ordinary: Item[] = [
    ...createAsks(random, shape),
    ...many(12, () => ({ kind: 'prewarm', at: at(), sandbox: sandbox() })),
    ...many(2, () => ({ kind: 'revoke', at: at(), sandbox: sandbox() })),
    ...many(20, () => ({
      kind: 'introspect',
      at: at(),
      sandbox: random.chance(0.6) ? watcher : sandbox(),
      token: random.int(0, 4),
    })),
    ...many(1, () => ({ kind: 'flush', at: at(), profile: random.pick([ALL, ...PROFILE_NAMES]) })),
  ];
  const weather = random.next();
  const faults = (): Item[] => {
    if (weather < CALM_SHARE) return [];
    if (weather < CALM_SHARE + MILD_SHARE) return createMildFaults(random, faultsUntil);
    return [...createSkews(random, sandboxes), ...createFaultItems(random, shape)];
  };
  return { seed, ...shape, items: [...ordinary, ...faults()].sort((a, b) => a.at - b.at) };
}
