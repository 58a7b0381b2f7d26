import { NOTICE_KNOWN_MS } from '../../../../lib/broker/store/bulletin.ts';
import { ALL } from '../../../../lib/broker/store/notices.ts';
import { LEAST_CACHED_LIFE_MS } from '../../../../lib/broker/token/freshness.ts';
import { MINUTE_MS, SECOND_MS } from '../../../../lib/core/time.ts';
import { createCanaries } from '../../../support/canaries.ts';
import { type Asked, CLOCKS_AGREE_MS, type Happening, handedOut, type Issued, type Promised } from '../happening.ts';
import { RECOVERY_MS } from '../plan.ts';
import { CALLER_RATE } from '../sandboxes.ts';
import { chainOf, MARK, PRIVATE_KEY } from '../setting.ts';

/** With less time than this, a request that has to wait may be told to come again. */
const ENOUGH_MS = 11_000;

/** An answer is kept for a minute; asking takes its time. */
const KNOWN_ACTIVE_MS = MINUTE_MS + 8 * SECOND_MS;

/** How often a token may be doubted, with what an answer takes. */
const DOUBT_EVERY_MS = MINUTE_MS + 15 * SECOND_MS;

/** API Gateway waits no longer: an answer that a freeze has delayed by more reaches nobody. */
const GATEWAY_MS = 30 * SECOND_MS;

interface Death {
  readonly at: number;
  /** Where it is known at once. */
  readonly sandbox?: string;
  readonly isTold?: boolean;
}

/** A token, what it was exchanged from, and so on. */
const lineOf = (token: Issued): readonly Issued[] => [
  token,
  ...(token.subject === undefined ? [] : lineOf(token.subject)),
];

/** What a caller may send at once: what two seconds make up for. */
const BURST = 2 * CALLER_RATE;

const canaries = createCanaries();
// All other secrets, and every token, are made of repetitions of one mark.
canaries.plant('a client secret or a token', MARK.repeat(8));
canaries.plant('the private key', PRIVATE_KEY.split('\n').slice(1, -2).join(''));

/** What is promised to callers and operators beyond the tokens themselves. */
export const SERVICE = {
  // Within the time of its function; nothing is thrown.
  'every request ends within its deadline': () => (happening) => {
    if (happening.kind === 'thrown') return happening.what;
    if (happening.kind === 'answered' && happening.status === 500) return `${happening.asked.id} met a bug`;
    return happening.kind === 'overdue' ? `${happening.asked.id} has no answer` : undefined;
  },

  // Everybody gets a token whose renewal has not failed.
  'without faults, and soon after them, all is well':
    ({ isCalm, faultsUntil }) =>
    (happening) => {
      if (happening.kind !== 'answered' || !happening.asked.mayUse) return undefined;
      const { asked, status, isMarked, isSubjectDead } = happening;
      const isOver = isCalm || asked.at >= faultsUntil + RECOVERY_MS;
      // Who loops is refused: see the next promise.
      if (!isOver || asked.remainingMs < ENOUGH_MS || isSubjectDead || status === 429) return undefined;
      if (status !== 200) return `${asked.id} for ${asked.label} got ${status}`;
      return isMarked ? `${asked.id} got a token whose renewal had failed` : undefined;
    },

  // Whoever else asks the same sandbox sees nothing of it.
  'only a caller that sends too many requests gets 429': () => {
    const sent = new Map<string, number[]>();
    return (happening) => {
      if (happening.kind === 'reached') {
        const key = `${happening.sandbox} ${happening.caller}`;
        sent.set(key, [...(sent.get(key) ?? []), happening.at]);
      }
      if (happening.kind !== 'answered' || happening.status !== 429) return undefined;
      const { id, at, sandbox, caller } = happening.asked;
      const times = sent.get(`${sandbox} ${caller}`) ?? [];
      // More than the burst, and what the rate has added to it since.
      const isTooMany = times.some(
        (from, index) =>
          from <= at &&
          times.slice(index).filter((one) => one <= at).length > BURST + (CALLER_RATE * (at - from)) / SECOND_MS,
      );
      return isTooMany ? undefined : `${id} of ${caller} got 429`;
    };
  },

  // Nor at all where the broker learnt of it; neither is what was exchanged from it. The same is true of what an
  // operator has flushed.
  'a token that died early is not handed out after a minute': () => {
    /** When a sandbox could not read the table last: what it cannot know, it says in its log (docs/operating.md). */
    const unreadAt = new Map<string, number>();
    const died = new Map<string, Death>();
    let forgottenAt = Number.NEGATIVE_INFINITY;
    const flushes: Happening<'flushed'>[] = [];
    /** Clocks decide what was obtained before an instant, and one that is wrong cannot. */
    const flushOf = ({ profile, sentAt, skewMs }: Issued) =>
      flushes.find(
        ({ madeBefore, profile: name }) =>
          (name === ALL || chainOf(profile).includes(name)) &&
          sentAt + skewMs < madeBefore &&
          Math.abs(skewMs) <= CLOCKS_AGREE_MS,
      );
    return (happening) => {
      if (happening.kind === 'unread') unreadAt.set(happening.sandbox, happening.at);
      if (happening.kind === 'disturbed' && happening.why === 'zitadel_forgets') forgottenAt = happening.at;
      // Of a token that ZITADEL denies, and that the table does not know, nobody can tell that it is the broker's.
      if (happening.kind === 'died' && forgottenAt < happening.askedAt) died.set(happening.text, happening);
      if (happening.kind === 'flushed') flushes.push(happening);
      const given = handedOut(happening);
      if (given === undefined || given.at - given.asked.at > GATEWAY_MS) return undefined;
      const { asked, at, token } = given;
      // What ZITADEL makes of a caller's own token is its word, later than any that it is dead.
      const isLater = ({ at: diedAt }: Death) => token.profile === 'desk' && token.sentAt > diedAt;
      const deaths = lineOf(token)
        .flatMap(({ text }) => died.get(text) ?? [])
        .filter((death) => !isLater(death));
      const flush = Math.abs(asked.skewMs) > CLOCKS_AGREE_MS ? undefined : flushOf(token);
      const isKnown = ({ at: diedAt, sandbox, isTold = true }: Death) =>
        sandbox === asked.sandbox ? asked.at > diedAt : isTold && at > diedAt + NOTICE_KNOWN_MS;
      const death = [...deaths, ...(flush === undefined ? [] : [flush])].find(isKnown);
      const isBlind = at - (unreadAt.get(asked.sandbox) ?? Number.NEGATIVE_INFINITY) < NOTICE_KNOWN_MS;
      if (death === undefined || isBlind) return undefined;
      return `${asked.id} got a token that was dead for ${at - death.at} ms`;
    };
  },

  // Active for a minute after its end, and inactive only where it is, or ZITADEL says so twice.
  'introspection tells a token that is dead, and one that is not': ({ isMild }) => {
    const disturbances: number[] = [];
    const deniedAt = new Map<string, number>();
    const died = new Set<string>();
    return (happening) => {
      if (happening.kind === 'disturbed') disturbances.push(happening.at);
      if (happening.kind === 'died') died.add(happening.text);
      if (happening.kind !== 'introspected') return undefined;
      const { at, askedAt, token, isActive, endedAt = Number.POSITIVE_INFINITY, sandbox } = happening;
      const diedAt = Math.min(endedAt, token?.expiresAt ?? 0);
      const meanwhile = disturbances.filter((disturbedAt) => disturbedAt >= askedAt).length;
      // Who was frozen over its answer gives an old one.
      if (isActive && meanwhile > 0) return undefined;
      if (isActive)
        return at - diedAt <= KNOWN_ACTIVE_MS ? undefined : `${sandbox}: active, ${at - diedAt} ms after its end`;
      // What is handed out and forgotten, or too old for its profile, is not held as good.
      const isHeld =
        token !== undefined &&
        token.profile !== 'desk' &&
        !died.has(token.text) &&
        token.lifeMs >= LEAST_CACHED_LIFE_MS &&
        at < token.sentAt + token.lifeMs;
      if (!isMild || !isHeld || diedAt <= at) return undefined;
      // What ZITADEL has denied twice, it is not asked about twice for a minute.
      const key = `${sandbox} ${token.text}`;
      const isDenied = at - (deniedAt.get(key) ?? Number.NEGATIVE_INFINITY) < KNOWN_ACTIVE_MS;
      if (meanwhile > 1) deniedAt.set(key, at);
      return meanwhile > 1 || isDenied ? undefined : `${sandbox}: inactive, ${diedAt - at} ms before its end`;
    };
  },

  // At most once a minute for each label without a proof.
  'a dead token that a caller sends back is replaced': ({ isMild }) => {
    const doubts: Asked[] = [];
    let disturbedAt = Number.NEGATIVE_INFINITY;
    const locked = new Set<string>();
    return (happening) => {
      if (happening.kind === 'disturbed') disturbedAt = happening.at;
      if (happening.kind === 'locked') {
        if (happening.isOn) locked.add(happening.account);
        else locked.delete(happening.account);
      }
      if (happening.kind === 'asked' && happening.asked.rejected !== undefined) doubts.push(happening.asked);
      const given = handedOut(happening);
      if (given?.asked.rejected === undefined) return undefined;
      const { asked, at, token } = given;
      const { token: sent, isDead } = given.asked.rejected;
      if (!isMild || !isDead || token.text !== sent.text) return undefined;
      const isOther = ({ id, label }: Asked) => id !== asked.id && label === asked.label;
      const isExplained =
        at - disturbedAt < RECOVERY_MS ||
        doubts.some((other) => isOther(other) && asked.at - other.at < DOUBT_EVERY_MS) ||
        asked.remainingMs < ENOUGH_MS ||
        locked.has(sent.account);
      return isExplained ? undefined : `${asked.id} sent back a dead token, and got it again`;
    };
  },

  // Neither a secret nor a token is in a line of log, in an answer beside its token, or in a row.
  'no secret comes out': () => (happening) => {
    if (happening.kind !== 'text') return undefined;
    const [found] = canaries.search(happening.text);
    return found === undefined ? undefined : `${found} in ${happening.text.length} characters that came out`;
  },
} satisfies Readonly<Record<string, Promised>>;
