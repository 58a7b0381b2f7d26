import { createPublicKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, readBody, type StandIn } from '../stand-in.ts';
import { parseAccounts, type UserState } from './accounts.ts';
import { addKey, findHolder, setUserState } from './changes.ts';
import { CONTROL_PATH, control, type Switches } from './control.ts';
import { debug, type Fault, faultReply, SLOW_MS } from './faults.ts';
import type { Reply } from './http.ts';
import { createInstance, type Release } from './instance.ts';
import { issuerOf, originOf, unknownOrigin } from './origin.ts';
import { route } from './router.ts';
import { ZITADEL_PROJECT } from './scopes.ts';

/** How to start a ZITADEL. */
export interface ZitadelOptions {
  /** The accounts, in the form that {@link parseAccounts} reads. */
  readonly accounts: unknown;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Lets the header `x-stand-in-now` (epoch seconds) set the clock of its request. */
  readonly clockFromHeader?: boolean;
  /** 12 h by default. */
  readonly tokenLifetimeSeconds?: number;
  /** 4.11 by default. */
  readonly release?: Release;
  /** Switches impersonation on, for the accounts with these user ids. */
  readonly impersonation?: { readonly impersonators: readonly string[] };
  /** How far reads of keys and secrets lag behind writes: not at all by default. */
  readonly lagMs?: number;
  readonly port?: number;
  readonly host?: string;
  /** The host names that it accepts on any port, besides its own address: `localhost` by default. */
  readonly hosts?: readonly string[];
}

/** A key to add: of the service account with this user id, or the application with this client id. */
export interface NewKey {
  readonly holder: string;
  readonly keyId: string;
  /** In PEM; the public half of a private key counts too. */
  readonly key: string;
  readonly expirationDate?: string;
}

/** A ZITADEL on loopback. Its issuer is its `url`, or what the Host header says if that is one of its hosts. */
export interface Zitadel extends StandIn, Switches {
  /** The id of the project of ZITADEL's own API: an account whose token has it in `aud` may manage its keys. */
  readonly ownProjectId: string;
  /** How many access tokens were issued. */
  readonly issued: () => number;
  /** The number of token requests with this grant, by its full name, without those that a fault intercepted. */
  readonly tokenRequests: (grantType: string) => number;
  readonly setTokenLifetimeSeconds: (seconds: number) => void;
  /** By user id or user name. Ends the account's tokens for good unless it becomes active. */
  readonly setUserState: (id: string, state: UserState) => void;
  /** Replaces the secret of a service account (by user name) or an application (by client id). */
  readonly setSecret: (clientId: string, secret: string | undefined) => void;
  readonly addKey: (key: NewKey) => void;
  readonly removeKey: (keyId: string) => void;
}

const DEFAULT_LIFETIME_SECONDS = 43_200;
const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

const send = (res: ServerResponse, { status, contentType, body, headers }: Reply, nowMs: number) => {
  const date = new Date(nowMs).toUTCString();
  res.writeHead(status, { date, ...(contentType === '' ? {} : { 'content-type': contentType }), ...headers }).end(body);
};

const header = (req: IncomingMessage, name: string): string | undefined => {
  const value = req.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/**
 * Starts a ZITADEL with these accounts.
 * @throws {AccountsError} naming the members at fault; {Error} with `code: 'EADDRINUSE'` if the port is in use
 */
export async function createZitadel(options: ZitadelOptions): Promise<Zitadel> {
  const { now = Date.now, clockFromHeader = false, tokenLifetimeSeconds = DEFAULT_LIFETIME_SECONDS } = options;
  const { hosts = ['localhost'], release = '4.11', lagMs = 0 } = options;
  const instance = createInstance(parseAccounts(options.accounts), release, now(), tokenLifetimeSeconds);
  let fault: Fault | undefined;
  let ownHost = '';
  const switches: Switches = {
    fault: (next) => {
      fault = next;
    },
    impersonation: (impersonators) => {
      instance.impersonators = impersonators && new Set(impersonators);
    },
    owners: (owners) => {
      instance.owners = new Set(owners);
    },
    lag: (ms) => {
      instance.lagMs = ms;
    },
  };

  switches.impersonation(options.impersonation?.impersonators);
  switches.lag(lagMs);

  const clock = (req: IncomingMessage): number => {
    const seconds = clockFromHeader ? header(req, 'x-stand-in-now') : undefined;
    return seconds !== undefined && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : now();
  };

  async function respond(req: IncomingMessage, path: string, query: string): Promise<Reply> {
    const method = req.method ?? '';
    const body = await readBody(req);
    if (path === CONTROL_PATH && LOOPBACK.has(req.socket.remoteAddress ?? '')) return control(method, body, switches);
    const { headers } = req;
    const origin = originOf(headers);
    const isKnown = (host: string, domain: string) => host === ownHost || hosts.includes(domain);
    const request = { method, path, query, headers, body, issuer: issuerOf(origin), nowMs: clock(req) };
    return route(
      instance,
      request,
      () => debug(path, fault) ?? faultReply(fault, origin) ?? unknownOrigin(origin, isKnown),
    );
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (req.url ?? '').split('?', 2);
    if (path !== CONTROL_PATH) {
      if (fault === 'reset') return void req.socket.destroy();
      if (fault === 'slow') await sleep(SLOW_MS, undefined, { ref: false });
    }
    send(res, await respond(req, path, query), clock(req));
  }

  const standIn = await listen(
    (req, res) => {
      answer(req, res).catch(() => res.destroy());
    },
    { ...(options.port === undefined ? {} : { port: options.port }), ...(options.host ? { host: options.host } : {}) },
  );
  ownHost = new URL(standIn.url).host;

  return {
    ...standIn,
    ownProjectId: ZITADEL_PROJECT,
    issued: () => instance.issued,
    tokenRequests: (grantType) => instance.tokenRequests.get(grantType) ?? 0,
    setTokenLifetimeSeconds: (seconds) => {
      instance.tokenLifetimeSeconds = seconds;
    },
    ...switches,
    setUserState: (id, state) => setUserState(instance, id, state),
    setSecret: (clientId, secret) => {
      findHolder(instance, clientId).secret.write(secret, now());
    },
    addKey: ({ holder, keyId, key, expirationDate = '9999-12-31T23:59:59Z' }) =>
      addKey(
        findHolder(instance, holder),
        { keyId, publicKey: createPublicKey(key), createdMs: now(), expiresMs: Date.parse(expirationDate) },
        now(),
      ),
    removeKey: (keyId) => {
      for (const { keys } of [...instance.accounts.users.values(), ...instance.accounts.applications.values()]) {
        keys.get(keyId)?.isPresent.write(false, now());
      }
    },
  };
}
