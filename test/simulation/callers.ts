import { SECOND_MS } from '../../lib/core/time.ts';
import type { Asked, Happening } from './happening.ts';
import type { Item } from './plan.ts';
import type { Process, Sandboxes } from './sandboxes.ts';
import type { Scheduler } from './scheduler.ts';
import { eventFor, labelOf, mayUse, PREWARMED, scopesOf, type Wish } from './setting.ts';
import type { Zitadel } from './zitadel.ts';

/** The time that functions other than the token function have. */
const TIMEOUT_MS = 60 * SECOND_MS;

/** Everybody who calls the broker. */
export interface Callers {
  readonly ask: (item: Extract<Item, { kind: 'ask' }>) => void;
  /** Revokes the newest token that can be revoked. */
  readonly revoke: (sandbox: number) => void;
  /** Runs the schedule's function. */
  readonly prewarm: (sandbox: number) => void;
  /** Takes a line of log: it tells whose renewal has failed. */
  readonly onLine: (line: string) => void;
  readonly requests: () => number;
}

export interface CallersDeps {
  readonly scheduler: Scheduler;
  readonly sandboxes: Pick<Sandboxes, 'invoke'>;
  readonly zitadel: Pick<Zitadel, 'find' | 'revocable'>;
  readonly emit: (happening: Happening) => void;
}

const contextOf = ({ lane }: Process, remainingMs: number) => {
  const endsAt = lane.clock.now() + remainingMs;
  return { getRemainingTimeInMillis: () => endsAt - lane.clock.now() };
};

/** Creates the callers of one run. */
export function createCallers({ scheduler, sandboxes, zitadel, emit }: CallersDeps): Callers {
  let requests = 0;
  /** Requests whose token is handed out although its renewal failed: the log says so before they are answered. */
  const marked = new Set<string>();

  const thrown = (what: string) => (error: unknown) => {
    const detail = error instanceof Error ? error.stack : typeof error;
    emit({ kind: 'thrown', at: scheduler.now(), what: `${what}: ${detail}` });
  };

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
    emit({
      kind: 'answered',
      at,
      asked,
      status: statusCode,
      isMarked: marked.delete(asked.id),
      ...(text === undefined ? {} : { token: zitadel.find(text) ?? ('unknown' as const), expiresIn }),
    });
  }

  return {
    ask({ sandbox, caller, wish, remainingMs }) {
      sandboxes.invoke(sandbox, (process) => {
        const { lane, functions } = process;
        requests += 1;
        const asked: Asked = {
          id: `r${requests}`,
          at: scheduler.now(),
          sandbox: lane.name,
          skewMs: lane.skewMs,
          profile: wish.profile,
          label: labelOf(wish.profile, scopesOf(wish)),
          mayUse: mayUse(caller, wish.profile),
          remainingMs,
        };
        emit({ kind: 'asked', at: asked.at, asked });
        let isAnswered = false;
        functions.token(eventFor(caller, wish, asked.id), contextOf(process, remainingMs)).then((answer) => {
          isAnswered = true;
          if (lane.isAlive()) finish(asked, answer);
        }, thrown('a token request'));
        watch(asked, process, () => isAnswered);
      });
    },
    revoke(sandbox) {
      const token = zitadel.revocable();
      if (token === undefined) return;
      const wish: Wish = { profile: 'stock' };
      sandboxes.invoke(sandbox, (process) => {
        // Until the answer has come, nobody knows whether the token is dead.
        const disturb = () => emit({ kind: 'disturbed', at: scheduler.now(), label: token.label, why: 'a revocation' });
        disturb();
        const event = eventFor('shop', wish, 'revoke', `token=${token.text}`);
        process.functions.revoke(event, contextOf(process, TIMEOUT_MS)).then(({ statusCode, body }) => {
          if (!process.lane.isAlive()) return;
          const at = scheduler.now();
          emit({ kind: 'text', at, text: body });
          disturb();
          if (statusCode === 200) emit({ kind: 'revoked', at, text: token.text, sandbox: process.lane.name });
        }, thrown('a revocation'));
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
      if (line.includes('"renewal"')) marked.add(/"id":"(\w+)"/.exec(line)?.[1] ?? '');
    },
    requests: () => requests,
  };
}
