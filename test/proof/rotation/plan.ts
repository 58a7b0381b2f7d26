import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import { createRandom, type Random } from '../runner/random.ts';
import type { History, Kinds } from '../runner/worlds.ts';
import { FLEETS, SECRETS, type SecretName } from './setting.ts';

/** What a call of a rotation may meet. */
export const CALL_FAULTS = ['call_lost', 'reply_lost', 'call_refused', 'crashed'] as const;
export type CallFault = (typeof CALL_FAULTS)[number];

/** What else happens to rotations. */
export const EVENT_FAULTS = [
  'step_twice',
  'cancelled',
  'pending_cleared',
  'changed_by_hand',
  'put_back',
  'key_removed',
  'dry_run',
  'zitadel_away',
  'secrets_away',
  'lag',
] as const;
export type RotationFaultKind = CallFault | (typeof EVENT_FAULTS)[number];

export const ROTATION_FAULTS: readonly RotationFaultKind[] = [...CALL_FAULTS, ...EVENT_FAULTS];

interface OfSecret {
  secret: SecretName;
}

/** What is made to happen, by kind. */
export interface Items {
  ask: { fleet: 0 | 1; sandbox: number; profile: number };
  rotate: OfSecret;
  cancel: OfSecret;
  clear: OfSecret;
  change: OfSecret;
  put_back: OfSecret;
  dry_run: OfSecret;
  remove_key: OfSecret;
  away: { who: 'zitadel' | 'secrets'; durationMs: number };
}

/** One thing that is made to happen; `at` in milliseconds from the start. */
export type Item = Kinds<Items>;
type Rotate = Kinds<Items, 'rotate'>;

/** A whole history, made from its seed. */
export interface Plan extends History {
  readonly sandboxes: number;
  readonly lifeMs: number;
  readonly durationMs: number;
  /** ZITADEL's reads may lag its writes by so much. */
  readonly lagMs: number;
  /** How many of a rotation's calls meet a fault. */
  readonly faultShare: number;
  /** How many steps are run twice. */
  readonly twiceShare: number;
  /** How often Secrets Manager tries a rotation that fails. */
  readonly attempts: number;
  readonly items: readonly Item[];
}

/** What an operator and Secrets Manager do to secrets, most of it while one of them rotates. */
function createTurmoil(random: Random, rotations: readonly [Rotate, ...Rotate[]], durationMs: number): Item[] {
  const several = (most: number, make: () => Item): Item[] => Array.from({ length: random.int(0, most) }, make);
  const moment = (): { at: number; secret: SecretName } => {
    const { at, secret } = random.pick(rotations);
    if (random.chance(0.2)) return { at: random.int(0, durationMs), secret: random.pick(SECRETS) };
    const near = at + random.int(0, random.pick([SECOND_MS, 3 * SECOND_MS, 30 * SECOND_MS]));
    return { at: near, secret: random.chance(0.8) ? secret : random.pick(SECRETS) };
  };
  const kinds = ['clear', 'change', 'put_back', 'dry_run', 'remove_key', 'remove_key', 'rotate', 'rotate'] as const;
  const cancel = (): Item[] => {
    const cancelled = moment();
    const at = cancelled.at + random.int(0, 3 * SECOND_MS);
    // Whoever cancels a rotation often starts the next one at once.
    const again: Item[] = random.chance(0.7) ? [{ kind: 'rotate', at, secret: cancelled.secret }] : [];
    return [{ kind: 'cancel', ...cancelled }, ...again];
  };
  const away = (): Item => ({
    kind: 'away',
    at: moment().at,
    who: random.pick(['zitadel', 'secrets']),
    durationMs: random.int(SECOND_MS, MINUTE_MS),
  });
  return [
    ...Array.from({ length: random.int(0, 2) }, cancel).flat(),
    ...kinds.flatMap((kind) => several(1, () => ({ kind, ...moment() }))),
    ...(random.chance(0.3) ? [away()] : []),
  ];
}

/** Makes the history of a seed. */
export function createPlan(seed: string): Plan {
  const random = createRandom(seed).fork('rotation');
  const sandboxes = random.int(1, 4);
  const durationMs = random.pick([5 * MINUTE_MS, 30 * MINUTE_MS, 3 * HOUR_MS]);
  const weather = random.pick(['calm', 'twice', 'storm', 'storm', 'storm']);
  const isStorm = weather === 'storm';
  const rotations: [Rotate, ...Rotate[]] = [
    { kind: 'rotate', at: random.int(0, durationMs), secret: random.pick(SECRETS) },
  ];
  for (let more = random.int(0, 6); more > 0; more -= 1) {
    const { at, secret } = random.pick(rotations);
    // Rotations of one secret follow one another closely, or nothing binds them.
    if (random.chance(0.6)) rotations.push({ kind: 'rotate', at: at + random.int(2, 20) * SECOND_MS, secret });
    else rotations.push({ kind: 'rotate', at: random.int(0, durationMs), secret: random.pick(SECRETS) });
  }
  const asks = Array.from({ length: random.int(40, 120) }, (): Item => {
    const fleet = random.pick<0 | 1>([0, 1]);
    const profile = random.int(0, FLEETS[fleet].names.length - 1);
    const near = random.pick(rotations).at + random.int(-2, 6) * MINUTE_MS;
    const at = random.chance(0.6) ? Math.min(Math.max(0, near), durationMs) : random.int(0, durationMs);
    return { kind: 'ask', at, fleet, sandbox: random.int(0, sandboxes - 1), profile };
  });
  const items = [...asks, ...rotations, ...(isStorm ? createTurmoil(random, rotations, durationMs) : [])];
  return {
    seed,
    sandboxes,
    lifeMs: random.pick([MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 12 * HOUR_MS]),
    durationMs,
    lagMs: isStorm ? random.pick([0, 41, 41, 500]) : 0,
    faultShare: isStorm ? random.pick([0, 0.02, 0.1, 0.3]) : 0,
    twiceShare: isStorm ? random.pick([0, 0.3, 1]) : Number(weather === 'twice'),
    attempts: random.int(1, 3),
    items: items.sort((a, b) => a.at - b.at),
  };
}
