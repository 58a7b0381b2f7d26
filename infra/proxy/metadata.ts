import type { Members } from '../../client/src/call.ts';
import { createBoundedMap } from '../../lib/core/bounded-map.ts';
import type { Clock } from '../../lib/core/clock.ts';
import type { EpochMs } from '../../lib/core/time.ts';
import { answerJson, type GatewayAnswer } from '../../lib/http/answer.ts';
import type { HttpClient } from '../../lib/net/http-client.ts';
import { parseJsonObject } from '../../lib/oauth/token-response.ts';
import { refuse } from './answer.ts';
import type { Document } from './route.ts';

/** Answers the metadata (RFC 8414) of a profile; `origin` is the proxy's own. Never throws. */
export type Metadata = (
  asked: { readonly profile: string; readonly document: Document },
  origin: string,
) => Promise<GatewayAnswer>;

export interface MetadataDeps {
  readonly clock: Clock;
  readonly http: HttpClient;
  /** The broker's, without a slash at the end. */
  readonly url: string;
  readonly timeoutMs: number;
  /** Clients must send the local token as their secret. */
  readonly needsSecret: boolean;
}

interface Known {
  readonly members: Members;
  readonly at: EpochMs;
}

/** As long as the broker lets others keep it. Later ones are kept while the broker is away. */
const KEPT_MS = 300_000;
const MOST_DOCUMENTS = 200;
/** After the broker gave none. */
const RETRY_AFTER = { 'retry-after': '1' };

const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'];

/** What the broker's document says, with the proxy in the broker's place. */
function rewritten({ issuer, ...members }: Members, own: string, needsSecret: boolean): Members {
  const moved = Object.entries(members).map(([name, value]) => {
    if (name.endsWith('_auth_methods_supported'))
      return [name, needsSecret ? SECRET_METHODS : ['none', ...SECRET_METHODS]];
    const isBrokers = typeof value === 'string' && value.startsWith(`${issuer}/`);
    return [name, isBrokers ? own + value.slice(String(issuer).length) : value];
  });
  return { issuer: own, ...Object.fromEntries(moved) };
}

/** Creates the source of metadata: the broker's, which needs no signature. */
export function createMetadata({ clock, http, url, timeoutMs, needsSecret }: MetadataDeps): Metadata {
  const known = createBoundedMap<string, Known>({ entries: MOST_DOCUMENTS });

  async function read(path: string): Promise<Members | undefined> {
    const kept = known.get(path);
    if (kept !== undefined && clock.now() - kept.at < KEPT_MS) return kept.members;
    const answered = await http.send({ url: new URL(url + path), headers: { accept: 'application/json' } }, timeoutMs);
    const members = answered.ok && answered.value.status === 200 ? parseJsonObject(answered.value.body) : undefined;
    if (typeof members?.issuer !== 'string') return kept?.members;
    known.set(path, { members, at: clock.now() });
    return members;
  }

  return async ({ profile, document }, origin) => {
    const members = await read(`/${profile}/.well-known/${document}`);
    if (members === undefined) {
      return refuse(503, 'temporarily_unavailable', 'the broker gives no metadata: check its URL', RETRY_AFTER);
    }
    return answerJson(200, rewritten(members, `${origin}/${profile}`, needsSecret));
  };
}
