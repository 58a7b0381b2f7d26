import { LEAST_LEFT_MS } from '../../../../lib/broker/token/freshness.ts';
import { SECOND_MS } from '../../../../lib/core/time.ts';
import { type Asked, CLOCKS_AGREE_MS, handedOut, type Issued, ofHandedOut, type Promised } from '../happening.ts';
import { RECOVERY_MS } from '../plan.ts';
import { minValidityOf, PROJECT } from '../setting.ts';

/** `Date` shows whole seconds, and an answer is on its way for a while: a clock is corrected to within this much. */
const CORRECTED_MS = 1.5 * SECOND_MS;

/** How far a sandbox's time is from the table's, and how much of that nobody knows: a clock that is far off is corrected. */
const timeOf = (skewMs: number) =>
  Math.abs(skewMs) > CLOCKS_AGREE_MS ? { skewMs: 0, unknownMs: CORRECTED_MS } : { skewMs, unknownMs: 0 };

/** What a token has left by the clock of who hands it out, who counts from the clock of who obtained it. */
function leftMs({ expiresAt, skewMs, sandbox }: Issued, asked: Asked, at: number): number {
  if (sandbox === asked.sandbox) return expiresAt - at;
  const [writer, reader] = [timeOf(skewMs), timeOf(asked.skewMs)];
  return expiresAt + writer.skewMs + writer.unknownMs - (at + reader.skewMs - reader.unknownMs);
}

/** The share of a life that `minValiditySeconds` asks for at the most. */
const MIN_VALIDITY_SHARE = 0.25;
/** A request with less time than this waits for nothing. */
const LEAST_TIME_MS = 1.5 * SECOND_MS;

/** What is promised of a token that is handed out, and to whom. */
export const HANDED_OUT = {
  // None has a longer `expires_in` than it has left, either.
  'a token that is handed out has 5 s left': ofHandedOut(({ asked, at, token, expiresIn = Number.NaN }) => {
    const left = leftMs(token, asked, at);
    if (left < LEAST_LEFT_MS) return `${asked.id} got a token with ${left} ms left`;
    // Clocks show whole milliseconds: each of the two may be one off.
    return expiresIn * SECOND_MS <= left + 2 ? undefined : `${asked.id} was told ${expiresIn} s of ${left} ms`;
  }),

  'a token that is handed out has its minimum left, or its renewal has failed': () => {
    let disturbedAt = Number.NEGATIVE_INFINITY;
    return (happening) => {
      if (happening.kind === 'disturbed') disturbedAt = happening.at;
      const given = handedOut(happening);
      if (given === undefined) return undefined;
      const { asked, at, token, isMarked } = given;
      const wantedMs = Math.min(minValidityOf(token.profile), (token.expiresAt - token.issuedAt) * MIN_VALIDITY_SHARE);
      // A token of a profile with a maximal age counts by that age, which the caller is not told.
      if (token.lifeMs < token.expiresAt - token.issuedAt) return undefined;
      if (leftMs(token, asked, at) >= wantedMs - 2) return undefined;
      const isExplained = at - disturbedAt < RECOVERY_MS;
      const hadNoTime = asked.remainingMs - (at - asked.at) < LEAST_TIME_MS;
      if ((isMarked || hadNoTime) && (isExplained || hadNoTime)) return undefined;
      return `${asked.id} got a token with ${leftMs(token, asked, at)} ms left of ${wantedMs} that are the minimum`;
    };
  },

  // Whatever its profile allowed when it was stored.
  'a token that is handed out is no older than its profile allows': ofHandedOut(({ asked, at, token }) => {
    const isWrongClock = Math.abs(asked.skewMs) > CLOCKS_AGREE_MS || Math.abs(token.skewMs) > CLOCKS_AGREE_MS;
    const ageMs = at + asked.skewMs - (token.sentAt + token.skewMs);
    if (isWrongClock || ageMs <= asked.maxAgeMs) return undefined;
    return `${asked.id} got a token of ${ageMs} ms, with ${asked.maxAgeMs} allowed`;
  }),

  // Whatever its subject opens.
  'an exchanged token has no audience that its profile does not grant': ofHandedOut(({ asked, token }) => {
    const isBounded = token.subject === undefined || token.audience.every((audience) => audience === PROJECT);
    return isBounded ? undefined : `${asked.id} got a token for ${token.audience.join(', ')}`;
  }),

  // Whatever else happens.
  'strangers get 403, and only they': () => (happening) => {
    // Who loops is refused before anything is looked up.
    if (happening.kind !== 'answered' || happening.status === 429) return undefined;
    const { asked, status } = happening;
    return (status === 403) === asked.mayUse ? `${asked.id} got ${status}` : undefined;
  },

  // To no other caller, and for no other profile or scopes.
  'a token is handed out only for what it was obtained for': () => (happening) => {
    if (happening.kind !== 'answered' || happening.token === undefined) return undefined;
    const { asked, token } = happening;
    if (token === 'unknown') return `${asked.id} got a token that was never issued`;
    if (!asked.mayUse) return `${asked.id} got a token of ${token.profile}, which is not the caller's`;
    return token.label === asked.label ? undefined : `${asked.id} asked for ${asked.label} and got ${token.label}`;
  },
} satisfies Readonly<Record<string, Promised>>;
