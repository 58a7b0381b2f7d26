import { SECOND_MS } from '../../../lib/core/time.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import type { Asked, Issued } from './happening.ts';
import type { Item } from './plan.ts';
import type { Process, Sandboxes } from './sandboxes.ts';
import { bodyFor, eventFor, labelOf, maxAgeOf, mayUse, PREWARMED, scopesOf } from './setting.ts';
import type { BrokerStage } from './world.ts';
import type { Zitadel } from './zitadel.ts';

/** The time that functions other than the token function have. */
const TIMEOUT_MS = 60 * SECOND_MS;

/** How often a request about a token may ask ZITADEL: whose it is, again, whether it is alive, and its revocation. */
const MOST_CALLS = 3;

/** What an error of the schedule's function says that has renewed less than it should, and says so. */
export const isPrewarmReport = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('prewarm failed for');

const contextOf = ({ lane }: Process, remainingMs: number = TIMEOUT_MS) => {
  const endsAt = lane.clock.now() + remainingMs;
  return { getRemainingTimeInMillis: () => endsAt - lane.clock.now() };
};

/** Creates everybody who calls the broker in one run. */
export function createCallers({ scheduler, emit, disturb }: BrokerStage, sandboxes: Sandboxes, zitadel: Zitadel) {
  let requests = 0;
  /** The line of log of each request, which is there before its answer. */
  const lines = new Map<string, string>();
  /** The tokens that were handed out, the last one of each label at the end. */
  const given = new Map<string, Issued>();
  let usersToken: Issued | undefined;

  /** Reports what nobody expected to be thrown. */
  const thrown = (where: string) => (error: unknown) =>
    emit('thrown', { what: `${where}: ${error instanceof Error ? error.stack : typeof error}` });

  /** Makes a request about a token; `read` gets its answer, if the sandbox lives to give it. */
  function offer({ lane }: Process, request: Promise<GatewayAnswer>, read: (answer: GatewayAnswer) => void): void {
    request.then((answer) => {
      if (!lane.isAlive()) return;
      emit('text', { text: answer.body });
      emit('offered', { calls: -MOST_CALLS });
      read(answer);
    }, thrown('a request about a token'));
  }

  /** Reports a request that has no answer when its time is over; while the sandbox was frozen, it stood still. */
  function watch(asked: Asked, { lane }: Process, isAnswered: () => boolean): void {
    const frozenBefore = lane.frozenMs();
    const look = (allowedMs: number): void =>
      lane.receive(asked.at + allowedMs - scheduler.now(), () => {
        if (isAnswered()) return;
        const stretchedMs = asked.remainingMs + lane.frozenMs() - frozenBefore;
        if (asked.at + stretchedMs < scheduler.now()) emit('overdue', { asked });
        else look(stretchedMs + 1);
      });
    look(asked.remainingMs + 1);
  }

  function finish(asked: Asked, { statusCode, body }: GatewayAnswer): void {
    const { access_token: text, expires_in: expiresIn, ...rest } = JSON.parse(body);
    emit('text', { text: JSON.stringify(rest) });
    const token = text === undefined ? undefined : (zitadel.find(text) ?? ('unknown' as const));
    const line = lines.get(asked.id) ?? '';
    lines.delete(asked.id);
    const [, rejected] = /"rejected":"(\w+)"/.exec(line) ?? [];
    if (rejected === 'replaced' && asked.rejected !== undefined) {
      const isTold = !line.includes('"degraded":["table"');
      emit('died', { askedAt: asked.at, text: asked.rejected.token.text, sandbox: asked.sandbox, isTold });
    }
    const isMarked = line.includes('"renewal"');
    const isSubjectDead = asked.subject !== undefined && !zitadel.isAlive(asked.subject.text);
    emit('answered', { asked, status: statusCode, token, expiresIn, isMarked, isSubjectDead, rejected });
    if (token === undefined || token === 'unknown') return;
    given.delete(token.label);
    given.set(token.label, token);
  }

  /** The token that a caller wants exchanged: a user's, or one that the broker has handed out. */
  function subjectFor({ wish, exchangesOwn }: Item<'ask'>): Issued | undefined {
    if (wish.profile !== 'desk') return undefined;
    const own = exchangesOwn ? [...given.values()].findLast(({ profile }) => profile === 'stock') : undefined;
    usersToken ??= zitadel.issueToUser();
    return own ?? usersToken;
  }

  return {
    ask(item: Item<'ask'>): void {
      const { sandbox, caller, wish, remainingMs, rejects } = item;
      sandboxes.invoke(sandbox, (process) => {
        const { lane, functions, deployment } = process;
        requests += 1;
        const subject = subjectFor(item);
        const label = labelOf(wish.profile, scopesOf(wish), subject?.text);
        const rejected = rejects ? given.get(label) : undefined;
        const asked: Asked = {
          id: `r${requests}`,
          at: scheduler.now(),
          sandbox: lane.name,
          skewMs: lane.skewMs,
          caller,
          profile: wish.profile,
          label,
          mayUse: mayUse(caller, wish.profile, deployment),
          maxAgeMs: maxAgeOf(wish.profile, deployment),
          remainingMs,
          subject,
          rejected: rejected && { token: rejected, isDead: !zitadel.isAlive(rejected.text) },
        };
        emit('reached', { sandbox: lane.name, caller });
        emit('asked', { asked });
        let isAnswered = false;
        const event = eventFor(caller, wish.profile, asked.id, bodyFor(wish, subject?.text, rejected?.text));
        functions.token(event, contextOf(process, remainingMs)).then((answer) => {
          isAnswered = true;
          if (lane.isAlive()) finish(asked, answer);
        }, thrown('a token request'));
        watch(asked, process, () => isAnswered);
      });
    },
    introspect({ sandbox, token: index }: Item<'introspect'>): void {
      const token = index === 0 ? undefined : [...given.values()].at(-index);
      const text = token?.text ?? 'made-up';
      sandboxes.invoke(sandbox, (process) => {
        const askedAt = scheduler.now();
        emit('offered', { calls: MOST_CALLS });
        const event = eventFor('shop', 'stock', 'introspect', `token=${text}`);
        offer(process, process.introspect(event, contextOf(process)), ({ statusCode, body }) => {
          if (statusCode !== 200) return;
          const { active: isActive } = JSON.parse(body);
          const known = { token: zitadel.find(text), endedAt: zitadel.endedAt(text) };
          emit('introspected', { askedAt, sandbox: process.lane.name, isActive, ...known });
        });
      });
    },
    /** Revokes the newest token that can be revoked. */
    revoke({ sandbox }: Item<'revoke'>): void {
      const token = zitadel.revocable();
      if (token === undefined) return;
      sandboxes.invoke(sandbox, (process) => {
        // Until the answer has come, nobody knows whether the token is dead; what was exchanged from it goes as well.
        disturb('a revocation');
        const askedAt = scheduler.now();
        emit('reached', { sandbox: process.lane.name, caller: 'shop' });
        emit('offered', { calls: MOST_CALLS });
        const event = eventFor('shop', 'stock', 'revoke', `token=${token.text}`);
        offer(process, process.functions.revoke(event, contextOf(process)), ({ statusCode }) => {
          disturb('a revocation');
          // What had run out of its own accord is not revoked.
          if (statusCode === 200 && (zitadel.endedAt(token.text) ?? scheduler.now()) < token.expiresAt)
            emit('died', { askedAt, text: token.text, sandbox: process.lane.name, isTold: true });
        });
      });
    },
    /** Runs the schedule's function. */
    prewarm({ sandbox }: Item<'prewarm'>): void {
      sandboxes.invoke(sandbox, (process) => {
        emit('prewarming', { profiles: PREWARMED });
        process.functions.prewarm({}, contextOf(process)).catch((error: unknown) => {
          if (!isPrewarmReport(error)) thrown('prewarm')(error);
        });
      });
    },
    /** Takes a line of log: it tells whose renewal has failed, and what became of a token that was sent back. */
    onLine(line: string): void {
      emit('text', { text: line });
      const [, id = ''] = /"id":"(\w+)"/.exec(line) ?? [];
      lines.set(id, line);
    },
    requests: () => requests,
    thrown,
  };
}
