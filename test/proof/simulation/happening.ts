import type { Row } from '../../../lib/broker/store/table.ts';
import type { ProfileName } from './setting.ts';

/** Who has tokens: the accounts of the profiles, and a user who brings tokens of its own. */
export type Account = ProfileName | 'user';

/** A token as the simulated ZITADEL knows it. Times are true times, in epoch milliseconds. */
export interface Issued {
  readonly text: string;
  readonly profile: ProfileName;
  /** What decides which token is meant: profile and scopes. */
  readonly label: string;
  /** Whose token it is: the profile's account, or the subject's. */
  readonly account: Account;
  /** The projects and applications that take it. */
  readonly audience: readonly string[];
  /** The token that it was exchanged from. */
  readonly subject?: Issued;
  /** Which sandbox obtained it, and how far its clock was ahead. */
  readonly sandbox: string;
  readonly skewMs: number;
  /** Which version of the credential obtained it. */
  readonly version: number;
  readonly sentAt: number;
  readonly issuedAt: number;
  readonly lifeMs: number;
  readonly expiresAt: number;
}

/** How far the clock of whoever obtained a token, or asks for one, may be off at the most for others to be told right. */
export const CLOCKS_AGREE_MS = 5000;

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
  /** The oldest that a token may get by the profiles of the sandbox. */
  readonly maxAgeMs: number;
  /** What the function has left. */
  readonly remainingMs: number;
  /** The token that the caller wants exchanged. */
  readonly subject?: Issued;
  /** The token that the caller sends back as refused, and whether it was dead then. */
  readonly rejected?: { readonly token: Issued; readonly isDead: boolean };
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
      /** Whether the caller's own token was no good any more. */
      readonly isSubjectDead: boolean;
      /** What the log says became of the token that was sent back. */
      readonly rejected?: string;
    }
  /** The introspection function has answered 200. `askedAt`: when it was asked. */
  | {
      readonly kind: 'introspected';
      readonly at: number;
      readonly askedAt: number;
      readonly sandbox: string;
      readonly token: Issued | undefined;
      readonly isActive: boolean;
      /** When ZITADEL ended the token before its time, if it has. */
      readonly endedAt?: number;
    }
  /** Calls of ZITADEL that a request other than one for a token may make; negative when it is over. */
  | { readonly kind: 'offered'; readonly at: number; readonly calls: number }
  /** A request has no answer although its time is over. */
  | { readonly kind: 'overdue'; readonly at: number; readonly asked: Asked }
  /** A schedule has asked for the renewal of so many tokens. */
  | { readonly kind: 'prewarming'; readonly at: number; readonly profiles: number }
  /** A token request has left a sandbox. */
  | { readonly kind: 'sent'; readonly at: number; readonly label: string; readonly sandbox: string }
  | { readonly kind: 'issued'; readonly at: number; readonly token: Issued }
  /** Something that may cost one more token request, of one label or of all. */
  | { readonly kind: 'disturbed'; readonly at: number; readonly label?: string; readonly why: string }
  | {
      readonly kind: 'written';
      readonly at: number;
      readonly label: string;
      readonly before: Row;
      readonly after: Row;
    }
  /** The broker has said that a token is revoked, or replaced. `isTold`: without saying that it could not tell others. */
  | {
      readonly kind: 'died';
      readonly at: number;
      readonly askedAt: number;
      readonly text: string;
      readonly sandbox: string;
      readonly isTold: boolean;
    }
  /** An operator was told that all that a profile, or every one (`*`), obtained before an instant is void. */
  | { readonly kind: 'flushed'; readonly at: number; readonly before: number; readonly profile: string }
  /** An account was locked, which ended its tokens, or is open again. */
  | { readonly kind: 'locked'; readonly at: number; readonly account: Account; readonly isOn: boolean }
  /** A sandbox could not read the table. */
  | { readonly kind: 'unread'; readonly at: number; readonly sandbox: string }
  /** ZITADEL is away as a whole, or back. */
  | { readonly kind: 'outage'; readonly at: number; readonly isOn: boolean }
  /** A text that left the broker: a line of log, an answer without its token, a row. */
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  /** Something was thrown that nobody expected. */
  | { readonly kind: 'thrown'; readonly at: number; readonly what: string };

/** An answer with a token that was issued; `undefined` for whatever else happens. */
export function handedOut(
  happening: Happening,
): (Extract<Happening, { kind: 'answered' }> & { token: Issued }) | undefined {
  if (happening.kind !== 'answered') return undefined;
  const { token } = happening;
  return token === undefined || token === 'unknown' ? undefined : { ...happening, token };
}

/** What every invariant knows of the run. */
export interface Circumstances {
  /** Without any fault. */
  readonly isCalm: boolean;
  /** Without any fault but accounts that are locked, and introspections that say "inactive" of a token that is not. */
  readonly isMild: boolean;
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
