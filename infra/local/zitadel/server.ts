import { createPublicKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, readBody, type StandIn } from '../stand-in.ts';
import { parseAccounts, type UserState } from './accounts.ts';
import { addKey, findHolder, setUserState } from './changes.ts';
import { CONTROL_PATH, control, type Switches } from './control.ts';
import { discovery } from './discovery.ts';
import { debug, type Fault, faultReply, SLOW_MS, unknownHost } from './faults.ts';
import { token } from './grants.ts';
import { json, parseForm, type Reply, type Request, refuse, text } from './http.ts';
import { createInstance, type Instance } from './instance.ts';
import { manage } from './management.ts';
import { introspect, revoke, userinfo } from './sessions.ts';

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
  readonly port?: number;
  readonly host?: string;
  /** The host names that it answers to on any port, besides its own address: `localhost` by default. */
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
  /** How many access tokens were issued. */
  readonly issued: () => number;
  /** How many token requests named this grant, by its full name; those that a fault kept away do not count. */
  readonly tokenRequests: (grantType: string) => number;
  readonly setTokenLifetimeSeconds: (seconds: number) => void;
  /** Ends the account's tokens for good unless it becomes active. */
  readonly setUserState: (userId: string, state: UserState) => void;
  /** Replaces the secret of a service account (by user name) or an application (by client id). */
  readonly setSecret: (clientId: string, secret: string | undefined) => void;
  readonly addKey: (key: NewKey) => void;
  readonly removeKey: (keyId: string) => void;
}

const DEFAULT_LIFETIME_SECONDS = 43_200;
const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };
const KEYS_MAY_BE_CACHED = { 'cache-control': 'max-age=300, must-revalidate' };

const ROUTES: Readonly<Record<string, (instance: Instance, request: Request) => Reply | Promise<Reply>>> = {
  '/oauth/v2/token': token,
  '/oauth/v2/introspect': introspect,
  '/oauth/v2/revoke': revoke,
  '/oauth/v2/keys': async ({ signer }) => ({ ...json(await signer.keySet()), headers: KEYS_MAY_BE_CACHED }),
  '/.well-known/openid-configuration': (_, { issuer }) => json(discovery(issuer)),
  '/oidc/v1/userinfo': userinfo,
};

const send = (res: ServerResponse, { status, contentType, body, headers = NO_STORE }: Reply) =>
  res.writeHead(status, { 'content-type': contentType, ...headers }).end(body);

const header = (req: IncomingMessage, name: string): string | undefined => {
  const value = req.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const hostOf = (req: IncomingMessage): string => header(req, 'x-zitadel-instance-host') ?? req.headers.host ?? '';

/**
 * Starts a ZITADEL with these accounts.
 * @throws {AccountsError} naming the members at fault; {Error} with `code: 'EADDRINUSE'` when the port is taken
 */
export async function createZitadel(options: ZitadelOptions): Promise<Zitadel> {
  const { now = Date.now, clockFromHeader = false, tokenLifetimeSeconds = DEFAULT_LIFETIME_SECONDS } = options;
  const { hosts = ['localhost'] } = options;
  const instance = createInstance(parseAccounts(options.accounts), now(), tokenLifetimeSeconds);
  let fault: Fault | undefined;
  let ownHost = '';
  const switches: Switches = {
    fault: (next) => {
      fault = next;
    },
    refuseNewKeysFor: (uses) => {
      instance.newKeyRefusals = uses;
    },
  };

  const clock = (req: IncomingMessage): number => {
    const seconds = clockFromHeader ? header(req, 'x-stand-in-now') : undefined;
    return seconds !== undefined && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : now();
  };

  async function respond(req: IncomingMessage, path: string, query: string): Promise<Reply> {
    const method = req.method ?? '';
    const body = await readBody(req);
    if (path === CONTROL_PATH && LOOPBACK.has(req.socket.remoteAddress ?? '')) return control(method, body, switches);
    const host = hostOf(req);
    const early = debug(path, fault) ?? faultReply(fault, host);
    if (early !== undefined) return early;
    if (host !== ownHost && !hosts.includes(host.replace(/:\d+$/, ''))) return unknownHost(host);
    const form = parseForm(method, req.headers['content-type'], body, query);
    if (form === undefined) return refuse('invalid_request', 'error parsing form');
    const request = { method, path, headers: req.headers, body, form, issuer: `http://${host}`, nowMs: clock(req) };
    const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : manage;
    return (await route?.(instance, request)) ?? text('404 page not found\n', 404);
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (req.url ?? '').split('?', 2);
    if (path !== CONTROL_PATH) {
      if (fault === 'reset') return void req.socket.destroy();
      if (fault === 'slow') await sleep(SLOW_MS, undefined, { ref: false });
    }
    send(res, await respond(req, path, query));
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
    issued: () => instance.issued,
    tokenRequests: (grantType) => instance.tokenRequests.get(grantType) ?? 0,
    setTokenLifetimeSeconds: (seconds) => {
      instance.tokenLifetimeSeconds = seconds;
    },
    ...switches,
    setUserState: (userId, state) => setUserState(instance, userId, state),
    setSecret: (clientId, secret) => {
      findHolder(instance, clientId).secret = secret;
    },
    addKey: ({ holder, keyId, key, expirationDate = '9999-12-31T23:59:59Z' }) =>
      addKey(instance, findHolder(instance, holder), {
        keyId,
        publicKey: createPublicKey(key),
        createdMs: now(),
        expiresMs: Date.parse(expirationDate),
      }),
    removeKey: (keyId) => {
      for (const { keys } of [...instance.accounts.users.values(), ...instance.accounts.applications.values()]) {
        keys.delete(keyId);
      }
    },
  };
}
