import { NOTICE_KNOWN_MS } from '../../../lib/broker/bulletin.ts';
import type { CreateInvariant } from '../happening.ts';
import { RECOVERY_MS } from '../plan.ts';

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

/** Without faults, and soon after the last one, everybody gets a token whose renewal has not failed. */
export const createHealth: CreateInvariant = ({ isCalm, faultsUntil }) => ({
  name: 'without faults, and soon after them, all is well',
  see(happening) {
    if (happening.kind !== 'answered' || !happening.asked.mayUse) return undefined;
    const { asked, status, isMarked } = happening;
    const isOver = isCalm || asked.at >= faultsUntil + RECOVERY_MS;
    if (!isOver || asked.remainingMs < ENOUGH_MS) return undefined;
    if (status !== 200) return `${asked.id} for ${asked.label} got ${status}`;
    return isMarked ? `${asked.id} got a token whose renewal had failed` : undefined;
  },
});

/** A revoked token is not handed out after the promised time, nor at all where it was revoked. */
export const createRevoked: CreateInvariant = () => {
  const revoked = new Map<string, { readonly at: number; readonly sandbox: string }>();
  const unread = new Map<string, number>();
  return {
    name: 'a revoked token is not handed out after a minute',
    see(happening) {
      if (happening.kind === 'unread') unread.set(happening.sandbox, happening.at);
      if (happening.kind === 'revoked') revoked.set(happening.text, happening);
      if (happening.kind !== 'answered' || happening.token === undefined || happening.token === 'unknown')
        return undefined;
      const { asked, at, token } = happening;
      const revocation = revoked.get(token.text);
      if (revocation === undefined) return undefined;
      // Who could not read the table cannot know; it says so in docs/operating.md.
      const isBlind = at - (unread.get(asked.sandbox) ?? Number.NEGATIVE_INFINITY) < NOTICE_KNOWN_MS;
      const isKnown =
        revocation.sandbox === asked.sandbox ? asked.at > revocation.at : at > revocation.at + NOTICE_KNOWN_MS;
      return isKnown && !isBlind
        ? `${asked.id} got a token that was revoked ${at - revocation.at} ms before`
        : undefined;
    },
  };
};
