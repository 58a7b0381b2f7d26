import type { Clock } from '../../../lib/core/clock.ts';
import { fingerprint } from '../../../lib/core/digest.ts';
import type { EpochMs } from '../../../lib/core/time.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { canonicalToken } from '../../../lib/zitadel/token-identity.ts';

/** When the broker asked for a token, and how long ZITADEL says that it lives. */
export interface Birth {
  readonly obtainedAt: EpochMs;
  readonly lifeMs: number;
}

/** Where the answers to a profile's token requests came from. */
export interface Answers {
  readonly memory: number;
  readonly store: number;
  readonly issued: number;
  /** The requests that got no token. */
  readonly failed: number;
  /** The fingerprint of the last token. */
  readonly token?: string;
  /** Where the last answer came from. */
  readonly last?: 'memory' | 'store' | 'issued' | 'failed';
}

/** What the page learns from the log, and from the answers of ZITADEL. It keeps no token. */
export interface Feed {
  /** Takes each line of the log. */
  readonly write: (line: string) => void;
  /** Sends the broker's requests to ZITADEL, and notes the lives of the tokens in the answers. */
  readonly send: Send;
  /** The last lines of the log, oldest first. */
  readonly lines: () => readonly string[];
  readonly answersOf: (profile: string) => Answers;
  /** The token with this fingerprint. */
  readonly birthOf: (token: string) => Birth | undefined;
  /** Passes on each line from now on. */
  readonly follow: (listener: (line: string) => void) => void;
}

const KEPT_LINES = 100;
const KEPT_TOKENS = 1_000;

const NONE: Answers = { memory: 0, store: 0, issued: 0, failed: 0 };

const SOURCES = ['memory', 'store', 'issued'] as const;

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    // The gateway's own lines are sentences.
    return {};
  }
}

/** Creates the feed, in the broker's time. */
export function createFeed({ clock, send }: { clock: Clock; send: Send }): Feed {
  const lines: string[] = [];
  const listeners: ((line: string) => void)[] = [];
  const answers = new Map<string, Answers>();
  const births = new Map<string, Birth>();

  const answersOf = (profile: string): Answers => answers.get(profile) ?? NONE;

  function count({ route, profile, status, source, token }: Readonly<Record<string, unknown>>): void {
    if ((route !== 'token' && route !== 'federated') || typeof profile !== 'string') return;
    const known = answersOf(profile);
    const last = status === 200 ? SOURCES.find((name) => name === source) : 'failed';
    if (last === undefined) return;
    const held = typeof token === 'string' ? { token } : {};
    answers.set(profile, { ...known, [last]: known[last] + 1, last, ...held });
  }

  return {
    write(line) {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      count(parse(line));
      for (const listener of listeners) listener(line);
    },
    async send(request) {
      const obtainedAt = clock.now();
      const answered = await send(request);
      const { access_token: token, expires_in: seconds } = answered.ok ? parse(answered.value.body) : {};
      if (typeof token === 'string' && typeof seconds === 'number') {
        births.set(fingerprint(canonicalToken(token)), { obtainedAt, lifeMs: seconds * SECOND_MS });
        const [oldest] = births.keys();
        if (births.size > KEPT_TOKENS && oldest !== undefined) births.delete(oldest);
      }
      return answered;
    },
    lines: () => lines,
    answersOf,
    birthOf: (token) => births.get(token),
    follow: (listener) => void listeners.push(listener),
  };
}
