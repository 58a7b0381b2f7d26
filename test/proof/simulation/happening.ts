import type { Row } from '../../../lib/broker/store/table.ts';
import type { Check } from '../runner/stage.ts';
import type { Kinds } from '../runner/worlds.ts';
import type { CallerName, ProfileName } from './setting.ts';

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
  readonly subject?: Issued | undefined;
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
  readonly caller: CallerName;
  readonly profile: ProfileName;
  readonly label: string;
  /** Whether the caller is one of the profile's. */
  readonly mayUse: boolean;
  /** The oldest that a token may get by the profiles of the sandbox. */
  readonly maxAgeMs: number;
  /** What the function has left. */
  readonly remainingMs: number;
  /** The token that the caller wants exchanged. */
  readonly subject?: Issued | undefined;
  /** The token that the caller sends back as refused, and whether it was dead then. */
  readonly rejected?: { readonly token: Issued; readonly isDead: boolean } | undefined;
}

/** What the promises look at, by kind. Times are true times, in epoch milliseconds. */
export interface Happenings {
  asked: { asked: Asked };
  answered: {
    asked: Asked;
    status: number;
    /** The token that was handed out; `unknown` for one that was never issued. */
    token: Issued | 'unknown' | undefined;
    expiresIn: number | undefined;
    /** Whether the log says that the token is handed out although its renewal failed. */
    isMarked: boolean;
    /** Whether the caller's own token was no good any more. */
    isSubjectDead: boolean;
    /** What the log says became of the token that was sent back. */
    rejected: string | undefined;
  };
  /** The introspection function has answered 200. `askedAt`: when it was asked. */
  introspected: {
    askedAt: number;
    sandbox: string;
    token: Issued | undefined;
    isActive: boolean;
    /** When ZITADEL ended the token before its time, if it has. */
    endedAt: number | undefined;
  };
  /** Calls of ZITADEL that a request other than one for a token may make; negative when it is over. */
  offered: { calls: number };
  /** A caller's request has reached a sandbox's token or revocation endpoint, which have one limit for each caller. */
  reached: { sandbox: string; caller: CallerName };
  /** A request has no answer although its time is over. */
  overdue: { asked: Asked };
  /** A schedule has asked for the renewal of so many tokens. */
  prewarming: { profiles: number };
  /** A token request has left a sandbox. */
  sent: { label: string; sandbox: string };
  issued: { token: Issued };
  /** Something that may cost one more token request, of one label or of all. */
  disturbed: { why: string; label: string | undefined };
  written: { label: string; before: Row; after: Row };
  /** The broker has said that a token is revoked, or replaced. `isTold`: without saying that it could not tell others. */
  died: { askedAt: number; text: string; sandbox: string; isTold: boolean };
  /** An operator was told that all that a profile, or every one (`*`), obtained before an instant is void. */
  flushed: { madeBefore: number; profile: string };
  /** An account was locked, which ended its tokens, or is open again. */
  locked: { account: Account; isOn: boolean };
  /** A sandbox could not read the table. */
  unread: { sandbox: string };
  /** ZITADEL is away as a whole, or back. */
  outage: { isOn: boolean };
  /** A text that left the broker: a line of log, an answer without its token, a row. */
  text: { text: string };
  /** Something was thrown that nobody expected. */
  thrown: { what: string };
  /** The run is over. */
  over: object;
}

export type Happening<Kind extends keyof Happenings = keyof Happenings> = Kinds<Happenings, Kind>;

/** What every promise knows of the run. */
export interface Circumstances {
  /** Without any fault. */
  readonly isCalm: boolean;
  /** Without any fault but accounts that are locked, and introspections that say "inactive" of a token that is not. */
  readonly isMild: boolean;
  /** The most by which two clocks differ, in milliseconds. */
  readonly clocksApartMs: number;
  /** When the last fault has ended; a true time. */
  readonly faultsUntil: number;
  /** Calls of ZITADEL during its outages, and the requests that may have led to them; a promise adds to both. */
  readonly outages: { sent: number; offered: number };
}

/** Creates a promise for one run. */
export type Promised = (circumstances: Circumstances) => Check<Happenings>;

/** An answer with a token that was issued; `undefined` for whatever else happens. */
export function handedOut(happening: Happening): (Happening<'answered'> & { readonly token: Issued }) | undefined {
  if (happening.kind !== 'answered') return undefined;
  const { token } = happening;
  return token === undefined || token === 'unknown' ? undefined : { ...happening, token };
}

/** A promise about every answer with a token that was issued. */
export const ofHandedOut =
  (check: (answer: NonNullable<ReturnType<typeof handedOut>>) => string | undefined): Promised =>
  () =>
  (happening) => {
    const given = handedOut(happening);
    return given === undefined ? undefined : check(given);
  };
