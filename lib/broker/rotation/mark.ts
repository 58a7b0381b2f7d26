import { createHash } from 'node:crypto';
import { DAY_MS, type EpochMs, SECOND_MS } from '../../core/time.ts';

/**
 * An expiry to the microsecond, as ZITADEL keeps it: microseconds since the epoch. It is the only member of a key in
 * ZITADEL's list that whoever adds the key chooses, so rotation recognises its own keys by it.
 */
export type ExpiryMicros = number;

/** What a key's expiry says about the rotation that added it. */
export interface Mark {
  /** The fraction of a second, from 1 to 999,999: names the secret. A key made by hand expires at a whole second. */
  readonly secret: number;
  /** The second of the day: names the rotation. */
  readonly rotation: number;
}

const MICROS = 1_000_000;
const SECONDS_OF_DAY = DAY_MS / SECOND_MS;
const MS_MICROS = 1_000;

/** Beyond two periods, so that a key that rotation still uses never nears its end. */
const GRACE_MS = 15 * DAY_MS;

/** A number below `limit` from SHA-256 of a text. */
const numberOf = (text: string, limit: number): number =>
  createHash('sha256').update(text).digest().readUIntBE(0, 6) % limit;

/**
 * The mark of one rotation of one secret.
 * @param secretArn the full ARN: two stages or regions may rotate keys of one account, and must tell them apart
 * @param token the `ClientRequestToken` of the rotation
 */
export const markOf = (secretArn: string, token: string): Mark => ({
  secret: 1 + numberOf(secretArn, MICROS - 1),
  rotation: numberOf(token, SECONDS_OF_DAY),
});

/** The expiry of a key that is added at `now`: two periods and 15 days later, on the second and fraction of its mark. */
export function expiryOf(
  { secret, rotation }: Mark,
  { now, everyMs }: { now: EpochMs; everyMs: number },
): ExpiryMicros {
  const day = Math.floor((now + 2 * everyMs + GRACE_MS) / DAY_MS);
  return (day * SECONDS_OF_DAY + rotation) * MICROS + secret;
}

/** The mark in an expiry, if it has one. */
export function readMark(expiry: ExpiryMicros): Mark | undefined {
  const secret = expiry % MICROS;
  return secret === 0 ? undefined : { secret, rotation: Math.floor(expiry / MICROS) % SECONDS_OF_DAY };
}

/** An expiry in RFC 3339, to the microsecond. */
export function formatExpiry(expiry: ExpiryMicros): string {
  const ms = Math.floor(expiry / MS_MICROS);
  const micros = String(expiry % MS_MICROS).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${micros}Z`);
}

/** Reads RFC 3339 with up to nine digits of a second; what is finer than microseconds is cut off. */
export function parseExpiry(text: string): ExpiryMicros | undefined {
  const [, whole, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  const ms = Date.parse(`${whole}Z`);
  return Number.isNaN(ms) ? undefined : ms * MS_MICROS + Number(fraction.slice(0, 6).padEnd(6, '0'));
}
