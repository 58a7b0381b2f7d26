import { NOTICE_KNOWN_MS } from '../../../../lib/broker/store/bulletin.ts';
import { ALL } from '../../../../lib/broker/store/notices.ts';
import { LEAST_CACHED_LIFE_MS } from '../../../../lib/broker/token/freshness.ts';
import { MINUTE_MS, SECOND_MS } from '../../../../lib/core/time.ts';
import {
  type Asked,
  CLOCKS_AGREE_MS,
  type CreateInvariant,
  type Happening,
  handedOut,
  type Issued,
} from '../happening.ts';
import { RECOVERY_MS } from '../plan.ts';
import { chainOf } from '../setting.ts';

/** Every request is answered within the time of its function; nothing is thrown. */
export const createInTime: CreateInvariant = () => ({
  name: 'every request ends within its deadline',
  see(happening) {
    if (happening.kind === 'thrown') return happening.what;
    if (happening.kind === 'answered' && happening.status === 500) return `${happening.asked.id} met a bug`;
    return happening.kind === 'overdue' ? `${happening.asked.id} has no answer` : undefined;
  },
});

/** With less time than this, a request that has to wait may be told to come again. */
const ENOUGH_MS = 11_000;

/** An answer is kept for a minute; asking takes its time. */
const KNOWN_ACTIVE_MS = MINUTE_MS + 8 * SECOND_MS;

/** How often a token may be doubted, with what an answer takes. */
const DOUBT_EVERY_MS = MINUTE_MS + 15 * SECOND_MS;

/** Without faults, and soon after the last one, everybody gets a token whose renewal has not failed. */
export const createHealth: CreateInvariant = ({ isCalm, faultsUntil }) => ({
  name: 'without faults, and soon after them, all is well',
  see(happening) {
    if (happening.kind !== 'answered' || !happening.asked.mayUse) return undefined;
    const { asked, status, isMarked, isSubjectDead } = happening;
    const isOver = isCalm || asked.at >= faultsUntil + RECOVERY_MS;
    if (!isOver || asked.remainingMs < ENOUGH_MS || isSubjectDead) return undefined;
    if (status !== 200) return `${asked.id} for ${asked.label} got ${status}`;
    return isMarked ? `${asked.id} got a token whose renewal had failed` : undefined;
  },
});

/** When a sandbox could not read the table: what it cannot know, it says in its log (docs/operating.md). */
function createBlindness(): {
  readonly see: (happening: Happening) => void;
  readonly isBlind: (sandbox: string, at: number) => boolean;
} {
  const unread = new Map<string, number>();
  return {
    see(happening) {
      if (happening.kind === 'unread') unread.set(happening.sandbox, happening.at);
    },
    isBlind: (sandbox, at) => at - (unread.get(sandbox) ?? Number.NEGATIVE_INFINITY) < NOTICE_KNOWN_MS,
  };
}

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

/**
 * A token that died early, and the broker knows it, is not handed out after the promised time, nor at all where it
 * became known; neither is what was exchanged from it. The same is true of what an operator has flushed.
 */
export const createEarlyDeath: CreateInvariant = () => {
  const blindness = createBlindness();
  const died = new Map<string, Death>();
  let forgottenAt = Number.NEGATIVE_INFINITY;
  const flushes: Extract<Happening, { kind: 'flushed' }>[] = [];
  /** Clocks decide what was obtained before an instant, and one that is wrong cannot. */
  const flushOf = ({ profile, sentAt, skewMs }: Issued) =>
    flushes.find(
      ({ before, profile: name }) =>
        (name === ALL || chainOf(profile).includes(name)) &&
        sentAt + skewMs < before &&
        Math.abs(skewMs) <= CLOCKS_AGREE_MS,
    );
  return {
    name: 'a token that died early is not handed out after a minute',
    see(happening) {
      blindness.see(happening);
      if (happening.kind === 'disturbed' && happening.why === 'zitadel_forgets') forgottenAt = happening.at;
      // Of a token that ZITADEL denies, and that the table does not know, nobody can tell that it is the broker's.
      if (happening.kind === 'died' && forgottenAt < happening.askedAt) died.set(happening.text, happening);
      if (happening.kind === 'flushed') flushes.push(happening);
      const given = handedOut(happening);
      if (given === undefined) return undefined;
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
      if (death === undefined || blindness.isBlind(asked.sandbox, at)) return undefined;
      return `${asked.id} got a token that was dead for ${at - death.at} ms`;
    },
  };
};

/** Introspection calls a token active for a minute after its end, and inactive only where it is, or ZITADEL says so twice. */
export const createIntrospected: CreateInvariant = ({ isMild }) => {
  const disturbances: number[] = [];
  const deniedAt = new Map<string, number>();
  const died = new Set<string>();
  return {
    name: 'introspection tells a token that is dead, and one that is not',
    see(happening) {
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
    },
  };
};

/** A dead token that a caller sends back is replaced, at most once a minute for each label without a proof. */
export const createReplaced: CreateInvariant = ({ isMild }) => {
  const doubts: Asked[] = [];
  let disturbedAt = Number.NEGATIVE_INFINITY;
  const locked = new Set<string>();
  return {
    name: 'a dead token that a caller sends back is replaced',
    see(happening) {
      if (happening.kind === 'disturbed') disturbedAt = happening.at;
      if (happening.kind === 'locked') {
        if (happening.isOn) locked.add(happening.account);
        else locked.delete(happening.account);
      }
      if (happening.kind === 'asked' && happening.asked.rejected !== undefined) {
        doubts.push(happening.asked);
      }
      if (happening.kind !== 'answered' || happening.asked.rejected === undefined) return undefined;
      const { asked, at, token } = happening;
      const { token: sent, isDead } = happening.asked.rejected;
      if (!isMild || !isDead || token === undefined || token === 'unknown' || token.text !== sent.text)
        return undefined;
      const isOther = ({ id, label }: Asked) => id !== asked.id && label === asked.label;
      const isExplained =
        at - disturbedAt < RECOVERY_MS ||
        doubts.some((other) => isOther(other) && asked.at - other.at < DOUBT_EVERY_MS) ||
        asked.remainingMs < ENOUGH_MS ||
        locked.has(sent.account);
      return isExplained ? undefined : `${asked.id} sent back a dead token, and got it again`;
    },
  };
};
