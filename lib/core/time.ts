declare const epochMs: unique symbol;

/** An instant: milliseconds since 1970-01-01T00:00:00Z. The broker uses no other unit internally. */
export type EpochMs = number & { readonly [epochMs]: true };

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Brands a number of epoch milliseconds. */
export const instant = (ms: number): EpochMs => ms as EpochMs;

/** The instant `ms` after (or, negative, before) `at`. */
export const plus = (at: EpochMs, ms: number): EpochMs => (at + ms) as EpochMs;

/** Epoch seconds, rounded down: NumericDate (RFC 7519 §2) and DynamoDB TTL. */
export const toEpochSeconds = (at: EpochMs): number => Math.floor(at / SECOND_MS);

/** Whole seconds until `at`, rounded down and never negative: `expires_in` (RFC 6749 §5.1) never overstates. */
export const secondsUntil = (at: EpochMs, now: EpochMs): number => Math.max(0, Math.floor((at - now) / SECOND_MS));

/** Milliseconds as seconds, rounded up, at least 1: `Retry-After` (RFC 9110 §10.2.3) is never too early. */
export const coveringSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / SECOND_MS));
