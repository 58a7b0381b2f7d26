import { parseAccounts } from '../../infra/local/zitadel/accounts.ts';
import type { RawRequest } from '../../infra/local/zitadel/http.ts';
import { createInstance, type Instance } from '../../infra/local/zitadel/instance.ts';
import { route } from '../../infra/local/zitadel/router.ts';
import { createOnBehalf, type ObtainOnBehalf } from '../../lib/broker/exchange/exchange.ts';
import { createDoubts, type Doubts } from '../../lib/broker/introspection/doubts.ts';
import { createCounter, createKeyIds } from '../../lib/broker/obtain/counter.ts';
import { createTokens, type Tokens } from '../../lib/broker/obtain/memory.ts';
import type { Profile, Profiles } from '../../lib/broker/profiles/profile.ts';
import { createRevoke, type Revoke } from '../../lib/broker/revocation/revoke.ts';
import type { Row, RowUpdate, Table, TableFault } from '../../lib/broker/store/table.ts';
import { cacheKey } from '../../lib/broker/token/demand.ts';
import { type Base, createBase } from '../../lib/compose/base.ts';
import { fail, ok, type Result } from '../../lib/core/result.ts';
import { instant, plus } from '../../lib/core/time.ts';
import type { OAuthAnswer, OAuthRequest, Send, TransportFault } from '../../lib/oauth/transport.ts';
import { accounts, SECRETS } from './accounts.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createMemorySecrets, type MemorySecrets } from './memory-secrets.ts';
import { createMemoryTable } from './memory-table.ts';
import { profilesOf } from './profiles.ts';

export { accounts, SECRETS };

export const START = instant(1_795_438_700_000);
export const ISSUER = 'https://zitadel.example';

export const { project: P, otherProject: Q } = accounts;
export const audience = (id: string): string => `urn:zitadel:iam:org:project:id:${id}:aud`;

const { saSecret } = accounts;

const callers = ['arn:aws:iam::123456789012:role/orders-service'];

/** A profile for each thing that a profile can do. */
const PROFILES: Readonly<Record<string, object>> = {
  orders: { secret: 'orders', scopes: [audience(P), 'profile'] },
  shipping: { secret: 'shipping', subject: 'orders', scopes: [audience(P)] },
  exchanging: { secret: 'shipping', scopes: [audience(P)], exchange: {} },
  introspecting: { secret: 'orders', introspection: 'apiSecret', scopes: [audience(P)] },
  revocable: {
    secret: 'orders',
    scopes: [audience(P)],
    introspection: 'apiSecret',
    revocation: { secret: 'shipping', callers },
  },
};

export type Outcome = Result<OAuthAnswer, TransportFault>;

/** What ZITADEL is made to answer; `undefined`: what it would answer anyway; a promise that stays open: nothing. */
export type Play = (request: Sent) => Outcome | undefined | Promise<Outcome | undefined>;

/** A request that was sent to ZITADEL. */
export interface Sent {
  readonly endpoint: string;
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

/** The shared table, which can be looked at, and fails when told to. */
export interface FleetTable extends Table {
  readonly rows: Map<string, Row>;
  readonly updates: { readonly key: string; readonly update: RowUpdate }[];
  readonly reads: () => number;
  /** How far the sandboxes' clock is ahead of the table's from now on. */
  readonly setAhead: (ms: number) => void;
  /** What a call comes to in place of being made, or after it was made (`unknown` is a reply that was lost). */
  readonly fault: (fault: ((way: 'read' | 'update', key: string) => TableFault | undefined) | undefined) => void;
}

/** One sandbox: what a function is made of. */
export interface Member extends Base {
  readonly tokens: Tokens;
  readonly onBehalf: ObtainOnBehalf;
  readonly revoke: Revoke;
  readonly doubts: Doubts;
  readonly issued: { readonly take: () => number };
  readonly waits: { readonly take: () => number };
  readonly keyIds: { readonly take: () => readonly string[] };
}

/** Sandboxes in this process, over one table, one secret store and one ZITADEL, on one clock, without any socket. */
export interface Fleet {
  readonly clock: FakeClock;
  readonly profiles: Profiles;
  readonly profile: (name: string) => Profile;
  readonly table: FleetTable;
  readonly secrets: MemorySecrets;
  readonly zitadel: Instance;
  /** All requests that have been sent to ZITADEL. */
  readonly sent: Sent[];
  readonly play: (play: Play | undefined) => void;
  readonly send: Send;
  readonly start: (random?: number) => Member;
  /** A token of the account of `orders`, past the broker. */
  readonly issue: (scopes: readonly string[]) => Promise<string>;
  /** Lets time pass until `promise` settles: a minute at the most. */
  readonly run: <T>(promise: Promise<T>) => Promise<T>;
  /** As `run`; answers how long it took, too. */
  readonly time: <T>(promise: Promise<T>) => Promise<readonly [value: T, tookMs: number]>;
}

const STEP_MS = 10;
const LONGEST_MS = 60_000;

function createFleetTable(): FleetTable {
  const rows = new Map<string, Row>();
  const memory = createMemoryTable(rows);
  const updates: { key: string; update: RowUpdate }[] = [];
  let reads = 0;
  let aheadMs = 0;
  let faultOf: (way: 'read' | 'update', key: string) => TableFault | undefined = () => undefined;
  return {
    rows,
    updates,
    aheadMs: () => aheadMs,
    setAhead: (ms) => {
      aheadMs = ms;
    },
    reads: () => reads,
    fault: (next = () => undefined) => {
      faultOf = next;
    },
    async read(key) {
      reads += 1;
      const fault = faultOf('read', key);
      return fault === undefined ? memory.read(key) : fail(fault);
    },
    async update(key, update) {
      const fault = faultOf('update', key);
      if (fault?.kind === 'unavailable') return fail(fault);
      updates.push({ key, update });
      const written = await memory.update(key, update);
      return fault === undefined ? written : fail(fault);
    },
  };
}

export interface FleetOptions {
  /** Merged into the profiles, by name. */
  readonly changes?: Readonly<Record<string, object>>;
  readonly tokenLifetimeSeconds?: number;
}

/** Creates a fleet without sandboxes. */
export function createFleet({ changes = {}, tokenLifetimeSeconds = 43_200 }: FleetOptions = {}): Fleet {
  const clock = createFakeClock(START);
  const table = createFleetTable();
  const secrets = createMemorySecrets();
  for (const [name, secret] of Object.entries(SECRETS)) secrets.put(name, secret);
  const zitadel = createInstance(parseAccounts(accounts), '4.11', START, tokenLifetimeSeconds);
  const shared = { issuer: ISSUER, callers };
  const names = [...new Set([...Object.keys(PROFILES), ...Object.keys(changes)])];
  const document = Object.fromEntries(names.map((name) => [name, { ...shared, ...PROFILES[name], ...changes[name] }]));
  const profiles = profilesOf({ profiles: document });
  const sent: Sent[] = [];
  let play: Play | undefined;

  async function ask(raw: Pick<RawRequest, 'path' | 'body' | 'issuer'>, authorization?: string, method = 'POST') {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...(authorization && { authorization }) };
    return route(zitadel, { method, query: '', headers, nowMs: clock.now(), ...raw }, () => undefined);
  }

  async function send({ url, body, authorization }: OAuthRequest): Promise<Outcome> {
    const { pathname, origin } = new URL(url);
    const request = {
      endpoint: pathname.slice(pathname.lastIndexOf('/') + 1),
      form: new URLSearchParams(body),
      authorization,
    };
    sent.push(request);
    const played = await play?.(request);
    if (played !== undefined) return played;
    const {
      status,
      contentType,
      body: text,
    } = await ask(
      { path: pathname, body: body ?? '', issuer: origin },
      authorization,
      body === undefined ? 'GET' : 'POST',
    );
    return ok({ status, headers: { 'content-type': contentType }, body: text });
  }

  async function run<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const settled = promise.finally(() => {
      isDone = true;
    });
    settled.catch(() => undefined);
    const endsAt = plus(clock.now(), LONGEST_MS);
    await clock.advance(0);
    while (!isDone) {
      if (clock.now() > endsAt) throw new Error('nothing has come of it in a minute');
      await clock.advance(STEP_MS);
    }
    return settled;
  }

  let uuids = 0;
  return {
    clock,
    profiles,
    profile: (name) => {
      const profile = profiles.get(name);
      if (profile === undefined) throw new Error(`no profile ${name}`);
      return profile;
    },
    table,
    secrets,
    zitadel,
    sent,
    play: (next) => {
      play = next;
    },
    send,
    start(random = 0) {
      const base = createBase(
        profiles,
        { METRICS_NAMESPACE: 'test' },
        {
          clock,
          random: () => random,
          uuid: () => {
            uuids += 1;
            return `uuid-${uuids}`;
          },
          send,
          secrets,
          table,
          write: () => undefined,
        },
      );
      const noted = { issued: createCounter(), waits: createCounter(), keyIds: createKeyIds() };
      const more = { ...base, ...noted, doubts: createDoubts(base) };
      return { ...more, tokens: createTokens(more), onBehalf: createOnBehalf(more), revoke: createRevoke(base) };
    },
    async issue(scopes) {
      const form = {
        grant_type: 'client_credentials',
        client_id: saSecret.clientId,
        client_secret: saSecret.clientSecret,
      };
      const body = new URLSearchParams({ ...form, scope: scopes.join(' ') }).toString();
      const reply = await ask({ path: '/oauth/v2/token', body, issuer: ISSUER });
      return String(JSON.parse(reply.body).access_token);
    },
    run,
    async time(promise) {
      const from = clock.now();
      return [await run(promise), clock.now() - from];
    },
  };
}

/** The row of all that a profile grants. */
export const rowOf = ({ table }: Fleet, profile: Profile): Row | undefined =>
  table.rows.get(cacheKey({ profile, scopes: profile.scopes }));

/** An answer of ZITADEL's. */
export const answer = (status: number, body: object | string, headers: Record<string, string> = {}): Outcome =>
  ok({
    status,
    headers: { ...(typeof body === 'string' ? {} : { 'content-type': 'application/json' }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

export const refusal = (error: string, description = '', status = 400): Outcome =>
  answer(status, { error, error_description: description });

export const cut: Outcome = fail({ kind: 'unreachable', detail: 'ECONNRESET' });
