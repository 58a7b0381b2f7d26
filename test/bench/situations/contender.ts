import type { Clock } from '../../../lib/core/clock.ts';

/** What a caller gets. */
export type Answer =
  | { readonly isToken: true /** Of its life, in seconds. */; readonly leftS: number }
  | { readonly isToken: false /** What the caller was told to wait, in seconds. */; readonly retryAfterS?: number };

/** A way to tokens that many callers share. It never rejects. */
export interface Contender {
  readonly ask: () => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Creates a contender with nothing in its memory, in front of a ZITADEL. */
export type CreateContender = (issuer: string, clock: Clock) => Promise<Contender>;
