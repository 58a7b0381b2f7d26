import type { Scope } from './kinds/kind.ts';
import type { Sent } from './play.ts';

export const DEPENDENCIES = ['zitadel', 'secrets-manager', 'dynamodb'] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A request of a caller. */
export interface Ask {
  readonly profile: string;
  readonly endpoint: 'token' | 'introspect' | 'revoke';
  readonly form: string;
}

/** Where a hostile answer is met: one request of the broker's, made for one request of a caller's. */
export interface Place {
  readonly name: string;
  readonly dependency: Dependency;
  readonly scope: Scope;
  readonly ask: Ask;
  /** The table is away meanwhile: what is known is known in memory alone. */
  readonly isTableAway?: true;
  /** Asked before, of a service that is well: what the place needs in memory. */
  readonly before?: Ask;
  /** Which requests meet hostility; the others are answered properly. */
  readonly isMark: (sent: Sent) => boolean;
  /** Whether everything that comes on a connection meets it: then a kind that greets can be played. */
  readonly isWhole: boolean;
  /** Whether a write is made although its answer is hostile; absent where nothing is written. */
  readonly isWritten?: boolean;
  /** Whether a token that was obtained before can help. */
  readonly canKnow: boolean;
  /** What of the clock's time it may take at the most. */
  readonly limitMs: number;
  /** Every special kind is played here, not only a share. */
  readonly isHome?: true;
  /** Of how many kinds one is played: without a known token, and with one. */
  readonly every: { readonly none: number; readonly known: number };
}
