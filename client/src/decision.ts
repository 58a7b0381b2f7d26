/** An instant by both clocks, in milliseconds: `wall` may jump, and `steady` may stand still while a sandbox is frozen. */
export interface Instant {
  readonly wall: number;
  readonly steady: number;
}

/** What the broker gave. */
export interface Granted {
  readonly token: string;
  readonly lifeMs: number;
}

/** What the broker gave, and its times, which count from the moment before it was asked for. */
export type Kept<G extends Granted = Granted> = G & {
  readonly expiration: Date;
  readonly since: Instant;
  readonly renewAfterMs: number;
  readonly usableForMs: number;
};

/** A request that failed: no other one before `holdMs` have passed. */
export interface Held {
  readonly error: unknown;
  readonly since: Instant;
  readonly holdMs: number;
}

/** What is known for one key. */
export interface Known {
  readonly kept?: Kept | undefined;
  readonly held?: Held | undefined;
}

/**
 * - `serve`: hand out the token
 * - `renew`: hand out the token, and ask for another one in the background
 * - `wait`: ask for a token, or wait for whoever has asked
 * - `refuse`: hand out the error of the last request
 */
export type Decision = 'serve' | 'renew' | 'wait' | 'refuse';

/** Milliseconds since an instant, by the clock that went further: no jump back makes a token live longer. */
export const elapsedMs = (since: Instant, now: Instant): number =>
  Math.max(now.wall - since.wall, now.steady - since.steady, 0);

/** The part of a token's life after which it is renewed, and how far from it the jitter goes. */
const RENEW_AT = 0.75;
const JITTER = 0.05;

/** A token is not handed out so shortly before its end that it would expire on its way to the API. */
const MARGIN_MS = 5_000;
/** Of short lives: the broker hands out tokens that live for 5 s. */
const MARGIN_OF_LIFE = 0.1;

/**
 * The times of a token.
 * @param random from 0 to 1
 */
export function keep<G extends Granted>(granted: G, since: Instant, random: number): Kept<G> {
  const { lifeMs } = granted;
  return {
    ...granted,
    expiration: new Date(since.wall + lifeMs),
    since,
    renewAfterMs: lifeMs * (RENEW_AT + JITTER * (2 * random - 1)),
    usableForMs: lifeMs - Math.min(MARGIN_MS, lifeMs * MARGIN_OF_LIFE),
  };
}

/** What a call gets. */
export function decide({ kept, held }: Known, now: Instant): Decision {
  const isHeld = held !== undefined && elapsedMs(held.since, now) < held.holdMs;
  if (kept === undefined) return isHeld ? 'refuse' : 'wait';
  const ageMs = elapsedMs(kept.since, now);
  if (ageMs >= kept.usableForMs) return isHeld ? 'refuse' : 'wait';
  return ageMs < kept.renewAfterMs || isHeld ? 'serve' : 'renew';
}
