import type { Row } from '../../lib/broker/table.ts';
import type { ProfileName } from './setting.ts';

/** A token as the simulated ZITADEL knows it. Times are true times, in epoch milliseconds. */
export interface Issued {
  readonly text: string;
  readonly profile: ProfileName;
  /** What decides which token is meant: profile and scopes. */
  readonly label: string;
  /** Which sandbox earned it, and how far its clock was ahead. */
  readonly sandbox: string;
  readonly skewMs: number;
  /** Which version of the credential earned it. */
  readonly version: number;
  readonly sentAt: number;
  readonly issuedAt: number;
  readonly lifeMs: number;
  readonly expiresAt: number;
}

/** A token request of a caller. */
export interface Asked {
  readonly id: string;
  readonly at: number;
  readonly sandbox: string;
  readonly skewMs: number;
  readonly profile: ProfileName;
  readonly label: string;
  /** Whether the caller is one of the profile's. */
  readonly mayUse: boolean;
  /** What the function has left. */
  readonly remainingMs: number;
}

/** What the invariants look at. Times are true times, in epoch milliseconds. */
export type Happening =
  | { readonly kind: 'asked'; readonly at: number; readonly asked: Asked }
  | {
      readonly kind: 'answered';
      readonly at: number;
      readonly asked: Asked;
      readonly status: number;
      /** The token that was handed out; `unknown` for one that was never issued. */
      readonly token?: Issued | 'unknown';
      readonly expiresIn?: number;
      /** Whether the log says that the token is handed out although its renewal failed. */
      readonly isMarked: boolean;
    }
  /** A request has no answer although its time is over. */
  | { readonly kind: 'overdue'; readonly at: number; readonly asked: Asked }
  /** A schedule has asked for the renewal of so many tokens. */
  | { readonly kind: 'prewarming'; readonly at: number; readonly profiles: number }
  /** A token request has left a sandbox. */
  | { readonly kind: 'sent'; readonly at: number; readonly label: string; readonly sandbox: string }
  | { readonly kind: 'issued'; readonly at: number; readonly token: Issued }
  /** Something that may cost one more exchange, of one label or of all. */
  | { readonly kind: 'disturbed'; readonly at: number; readonly label?: string; readonly why: string }
  | {
      readonly kind: 'written';
      readonly at: number;
      readonly label: string;
      readonly before: Row;
      readonly after: Row;
    }
  /** The broker has said that a token is revoked. */
  | { readonly kind: 'revoked'; readonly at: number; readonly text: string; readonly sandbox: string }
  /** A sandbox could not read the table. */
  | { readonly kind: 'unread'; readonly at: number; readonly sandbox: string }
  /** ZITADEL is away as a whole, or back. */
  | { readonly kind: 'outage'; readonly at: number; readonly isOn: boolean }
  /** A text that left the broker: a line of log, an answer without its token, a row. */
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  /** Something was thrown that nobody expected. */
  | { readonly kind: 'thrown'; readonly at: number; readonly what: string };

/** What every invariant knows of the run. */
export interface Circumstances {
  /** Without any fault. */
  readonly isCalm: boolean;
  /** The most by which two clocks differ, in milliseconds. */
  readonly clocksApartMs: number;
  /** When the last fault has ended; a true time. */
  readonly faultsUntil: number;
}

/** One promise: looks at all that happens, and answers what is wrong with it, if anything. */
export interface Invariant {
  readonly name: string;
  readonly see: (happening: Happening) => string | undefined;
  /** Looks at the run as a whole. */
  readonly end?: () => string | undefined;
}

export type CreateInvariant = (circumstances: Circumstances) => Invariant;
