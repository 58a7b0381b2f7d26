import type { Accounts, Key } from './accounts.ts';
import type { Claims } from './claims.ts';
import { createIds } from './ids.ts';
import { createSigner, createTokenStore, type Session, type Signer, type TokenStore } from './tokens.ts';

/** The release of ZITADEL: 4.13 answers bad assertions with 500, issues shorter tokens and exchanges more freely. */
export type Release = '4.11' | '4.13';

/** All that a ZITADEL instance knows. */
export interface Instance {
  readonly accounts: Accounts;
  readonly sessions: TokenStore<Session>;
  /** The claims of the ID tokens. */
  readonly idTokens: TokenStore<Claims>;
  readonly signer: Signer;
  readonly nextId: (nowMs: number) => string;
  /** The number of requests with each grant, by its full name. */
  readonly tokenRequests: Map<string, number>;
  readonly release: Release;
  tokenLifetimeSeconds: number;
  /** The user ids that may impersonate others; `undefined` while impersonation is off. */
  impersonators: ReadonlySet<string> | undefined;
  /** The user ids that own the projects. */
  owners: ReadonlySet<string>;
  /** How far reads of keys and secrets lag behind writes. */
  lagMs: number;
  issued: number;
}

export function createInstance(
  accounts: Accounts,
  release: Release,
  nowMs: number,
  tokenLifetimeSeconds: number,
): Instance {
  const nextId = createIds();
  return {
    accounts,
    sessions: createTokenStore(),
    idTokens: createTokenStore(),
    signer: createSigner(nextId(nowMs)),
    nextId,
    tokenRequests: new Map(),
    release,
    tokenLifetimeSeconds,
    impersonators: undefined,
    owners: new Set(),
    lagMs: 0,
    issued: 0,
  };
}

/** The keys of an account or an application that a read at `nowMs` sees. */
export const readKeys = ({ lagMs }: Instance, holder: { readonly keys: ReadonlyMap<string, Key> }, nowMs: number) =>
  new Map([...holder.keys].filter(([, { isPresent }]) => isPresent.read(nowMs, lagMs)));

/** The session of an access token that is valid at `nowMs` for the issuer. */
export function activeSession(instance: Instance, token: string, issuer: string, nowMs: number): Session | undefined {
  const session = instance.sessions.find(token);
  if (session === undefined || session.isEnded || session.expiresAt * 1000 <= nowMs) return undefined;
  return session.issuer === undefined || session.issuer === issuer ? session : undefined;
}
