import { SECOND_MS } from '../../../lib/core/time.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import type { Asked, Happening, Issued } from './happening.ts';
import type { Item } from './plan.ts';
import type { Process, Sandboxes } from './sandboxes.ts';
import type { Scheduler } from './scheduler.ts';
import { bodyFor, eventFor, labelOf, maxAgeOf, mayUse, PREWARMED, scopesOf } from './setting.ts';
import type { Zitadel } from './zitadel.ts';

/** The time that functions other than the token function have. */
const TIMEOUT_MS = 60 * SECOND_MS;

/** How often a request about a token may ask ZITADEL: whose it is, again, whether it is alive, and its revocation. */
const MOST_CALLS = 3;

/** Everybody who calls the broker. */
export interface Callers {
  readonly ask: (item: Extract<Item, { kind: 'ask' }>) => void;
  readonly introspect: (item: Extract<Item, { kind: 'introspect' }>) => void;
  /** Revokes the newest token that can be revoked. */
  readonly revoke: (sandbox: number) => void;
  /** Runs the schedule's function. */
  readonly prewarm: (sandbox: number) => void;
  /** Takes a line of log: it tells whose renewal has failed, and what became of a token that was sent back. */
  readonly onLine: (line: string) => void;
  readonly requests: () => number;
  /** Reports what nobody expected to be thrown. */
  readonly thrown: (what: string) => (error: unknown) => void;
}

export interface CallersDeps {
  readonly scheduler: Scheduler;
  readonly sandboxes: Pick<Sandboxes, 'invoke'>;
  readonly zitadel: Pick<Zitadel, 'find' | 'revocable' | 'isAlive' | 'endedAt' | 'issueToUser'>;
  readonly emit: (happening: Happening) => void;
}

const contextOf = ({ lane }: Process, remainingMs: number) => {
  const endsAt = lane.clock.now() + remainingMs;
  return { getRemainingTimeInMillis: () => endsAt - lane.clock.now() };
};

/** Creates the callers of one run. */
export function createCallers({ scheduler, sandboxes, zitadel, emit }: CallersDeps): Callers {
  let requests = 0;
  /** The line of log of each request, which is there before its answer. */
  const lines = new Map<string, string>();
  /** The tokens that were handed out, the last one of each label at the end. */
  const given = new Map<string, Issued>();
  let usersToken: Issued | undefined;

  const thrown = (what: string) => (error: unknown) => {
    const detail = error instanceof Error ? error.stack : typeof error;
    emit({ kind: 'thrown', at: scheduler.now(), what: `${what}: ${detail}` });
  };

  /** Makes a request about a token; `read` gets its answer, if the sandbox lives to give it. */
  function offer(
    { lane }: Process,
    request: () => Promise<GatewayAnswer>,
    read: (answer: GatewayAnswer) => void,
  ): void {
    emit({ kind: 'offered', at: scheduler.now(), calls: MOST_CALLS });
    request().then((answer) => {
      if (!lane.isAlive()) return;
      emit({ kind: 'text', at: scheduler.now(), text: answer.body });
      emit({ kind: 'offered', at: scheduler.now(), calls: -MOST_CALLS });
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
        if (asked.at + stretchedMs < scheduler.now()) emit({ kind: 'overdue', at: scheduler.now(), asked });
        else look(stretchedMs + 1);
      });
    look(asked.remainingMs + 1);
  }

  function finish(asked: Asked, { statusCode, body }: { statusCode: number; body: string }): void {
    const at = scheduler.now();
    const { access_token: text, expires_in: expiresIn, ...rest } = JSON.parse(body);
    emit({ kind: 'text', at, text: JSON.stringify(rest) });
    const token = text === undefined ? undefined : (zitadel.find(text) ?? ('unknown' as const));
    const line = lines.get(asked.id) ?? '';
    lines.delete(asked.id);
    const [, rejected] = /"rejected":"(\w+)"/.exec(line) ?? [];
    if (rejected === 'replaced' && asked.rejected !== undefined) {
      const isTold = !line.includes('"degraded":["table"');
      emit({ kind: 'died', at, askedAt: asked.at, text: asked.rejected.token.text, sandbox: asked.sandbox, isTold });
    }
    emit({
      kind: 'answered',
      at,
      asked,
      status: statusCode,
      isMarked: line.includes('"renewal"'),
      isSubjectDead: asked.subject !== undefined && !zitadel.isAlive(asked.subject.text),
      ...(rejected === undefined ? {} : { rejected }),
      ...(token === undefined ? {} : { token, expiresIn }),
    });
    if (token === undefined || token === 'unknown') return;
    given.delete(token.label);
    given.set(token.label, token);
  }

  /** The token that a caller wants exchanged: a user's, or one that the broker has handed out. */
  function subjectFor({ wish, exchangesOwn }: Extract<Item, { kind: 'ask' }>): Issued | undefined {
    if (wish.profile !== 'desk') return undefined;
    const own = exchangesOwn ? [...given.values()].findLast(({ profile }) => profile === 'stock') : undefined;
    usersToken ??= zitadel.issueToUser();
    return own ?? usersToken;
  }

  return {
    ask(item) {
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
          profile: wish.profile,
          label,
          mayUse: mayUse(caller, wish.profile, deployment),
          maxAgeMs: maxAgeOf(wish.profile, deployment),
          remainingMs,
          ...(subject === undefined ? {} : { subject }),
          ...(rejected === undefined ? {} : { rejected: { token: rejected, isDead: !zitadel.isAlive(rejected.text) } }),
        };
        emit({ kind: 'asked', at: asked.at, asked });
        let isAnswered = false;
        const body = bodyFor(wish, { subject: subject?.text, rejected: rejected?.text });
        functions
          .token(eventFor(caller, wish.profile, asked.id, body), contextOf(process, remainingMs))
          .then((answer) => {
            isAnswered = true;
            if (lane.isAlive()) finish(asked, answer);
          }, thrown('a token request'));
        watch(asked, process, () => isAnswered);
      });
    },
    introspect({ sandbox, token: index }) {
      const token = [...given.values()].at(-index);
      const text = (index === 0 ? undefined : token?.text) ?? 'made-up';
      sandboxes.invoke(sandbox, (process) => {
        const { lane } = process;
        const askedAt = scheduler.now();
        offer(
          process,
          () =>
            process.introspect(
              eventFor('shop', 'stock', 'introspect', `token=${text}`),
              contextOf(process, TIMEOUT_MS),
            ),
          ({ statusCode, body }) => {
            if (statusCode !== 200) return;
            const endedAt = zitadel.endedAt(text);
            emit({
              kind: 'introspected',
              at: scheduler.now(),
              askedAt,
              sandbox: lane.name,
              token: zitadel.find(text),
              isActive: JSON.parse(body).active,
              ...(endedAt === undefined ? {} : { endedAt }),
            });
          },
        );
      });
    },
    revoke(sandbox) {
      const token = zitadel.revocable();
      if (token === undefined) return;
      sandboxes.invoke(sandbox, (process) => {
        // Until the answer has come, nobody knows whether the token is dead; what was exchanged from it goes as well.
        const disturb = () => emit({ kind: 'disturbed', at: scheduler.now(), why: 'a revocation' });
        disturb();
        const askedAt = scheduler.now();
        const event = eventFor('shop', 'stock', 'revoke', `token=${token.text}`);
        offer(
          process,
          () => process.functions.revoke(event, contextOf(process, TIMEOUT_MS)),
          ({ statusCode }) => {
            disturb();
            const { lane } = process;
            const at = scheduler.now();
            // What had run out of its own accord is not revoked.
            if (statusCode === 200 && (zitadel.endedAt(token.text) ?? at) < token.expiresAt)
              emit({ kind: 'died', at, askedAt, text: token.text, sandbox: lane.name, isTold: true });
          },
        );
      });
    },
    prewarm(sandbox) {
      sandboxes.invoke(sandbox, (process) => {
        emit({ kind: 'prewarming', at: scheduler.now(), profiles: PREWARMED });
        process.functions.prewarm({}, contextOf(process, TIMEOUT_MS)).catch((error: unknown) => {
          const isReport = error instanceof Error && error.message.startsWith('prewarm failed for');
          if (!isReport) thrown('prewarm')(error);
        });
      });
    },
    onLine(line) {
      emit({ kind: 'text', at: scheduler.now(), text: line });
      const [, id = ''] = /"id":"(\w+)"/.exec(line) ?? [];
      lines.set(id, line);
    },
    requests: () => requests,
    thrown,
  };
}
