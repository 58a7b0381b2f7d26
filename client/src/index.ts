import { unlessAborted } from './abort.ts';
import { authorizedFetch } from './authorized-fetch.ts';
import { type CallDeps, call, grantedOf, type Members, unexpected } from './call.ts';
import { type CredentialProvider, type Environment, fromEnvironment, keepCredentials } from './credentials.ts';
import { placeOf } from './place.ts';
import { createTokens, type Token, type Tokens } from './tokens.ts';

export type { CredentialProvider } from './credentials.ts';
export { BrokerError, type BrokerErrorCode } from './errors.ts';
export type { AwsCredentials } from './sigv4.ts';
export type { Token } from './tokens.ts';

/** Where the broker is, and who calls it. */
export interface BrokerOptions {
  /** The URL of the broker's API, with its stage or base path if it has one. `https`, or `http` on this machine. */
  readonly url: string;
  /** The AWS region of the API. The default is the one in the URL, else AWS_REGION. */
  readonly region?: string | undefined;
  /**
   * The keys of the caller's role: any credential provider of the AWS SDK. The default reads the environment (Lambda) and
   * the container endpoint (ECS, EKS Pod Identity).
   */
  readonly credentials?: CredentialProvider | undefined;
  /** Sends requests. The default is the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Epoch milliseconds. The default is `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** How long a request to the broker may take, in milliseconds. The default is 10,000. */
  readonly timeoutMs?: number | undefined;
}

/** What a caller wants of a profile. */
export interface ProfileOptions {
  /** Scopes of the profile, separated by spaces. The default is all of them. */
  readonly scope?: string | undefined;
}

/** Stops the wait of one caller. The request goes on for the others. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A token exchange (RFC 8693). */
export interface ExchangeOptions extends CallOptions {
  /** The token to exchange. */
  readonly subjectToken: string;
  /** The default is an access token. */
  readonly subjectTokenType?: string | undefined;
  /** An audience that the profile allows, or several. */
  readonly audience?: string | readonly string[] | undefined;
  /** The token of the actor who impersonates the subject. */
  readonly actorToken?: string | undefined;
  /** The default is an access token. */
  readonly actorTokenType?: string | undefined;
}

/** A profile of the broker. */
export interface Profile {
  /**
   * The token of the profile. It is kept in memory; at about 75 % of its life it is renewed in the background, and no call
   * waits. No call fails while it is valid.
   * @throws {BrokerError}
   */
  token(options?: CallOptions): Promise<Token>;
  /** Drops a token that an API refused (401), unless a newer one has taken its place. The broker hears of it. */
  reject(token: string): void;
  /**
   * A `fetch` that adds the token to requests to these origins, and to no others. A 401 drops the token; the request is sent
   * once more with another one, unless its body is a stream.
   */
  fetch(origins: readonly string[]): typeof fetch;
  /**
   * A token for the subject's one (RFC 8693), kept like the profile's.
   * @throws {BrokerError}
   */
  exchange(options: ExchangeOptions): Promise<Token>;
  /**
   * What ZITADEL says about a token (RFC 7662). Nothing is kept.
   * @throws {BrokerError}
   */
  introspect(token: string, options?: CallOptions): Promise<Introspection>;
  /**
   * Revokes a token (RFC 7009), and drops it.
   * @throws {BrokerError}
   */
  revoke(token: string, options?: CallOptions): Promise<void>;
}

/** ZITADEL's answer to an introspection. */
export interface Introspection extends Members {
  readonly active: boolean;
}

/** The broker, for one role. Use one per process: it keeps the tokens. */
export interface Broker {
  /** A profile, by its name. */
  profile(name: string, options?: ProfileOptions): Profile;
}

const TIMEOUT_MS = 10_000;
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** A form of the parameters that are given, a list as repeated ones. */
const formOf = (parameters: Readonly<Record<string, string | readonly string[] | undefined>>): URLSearchParams =>
  new URLSearchParams(
    Object.entries(parameters).flatMap(([name, values = []]) =>
      [values].flat().map((value) => [name, value] satisfies [string, string]),
    ),
  );

interface ClientDeps extends CallDeps {
  readonly fetch: typeof fetch;
}
function createProfile(profile: string, scope: string | undefined, deps: ClientDeps, tokens: Tokens): Profile {
  const post = (endpoint: 'token' | 'introspect' | 'revoke', form: URLSearchParams) =>
    call({ profile, endpoint, form }, deps);
  const own = formOf({ grant_type: 'client_credentials', scope });
  const keyOf = (form: URLSearchParams) => `${profile} ${form}`;
  const ownKey = keyOf(own);
  /** The token that a form asks for; equal forms share it. */
  const obtain = async (key: string, form: URLSearchParams, signal: AbortSignal | undefined): Promise<Token> => {
    signal?.throwIfAborted();
    const kept = tokens.get(key, async (rejected) => {
      const sent = new URLSearchParams(form);
      if (rejected) sent.set('rejected_token', rejected);
      return grantedOf(await post('token', sent), `token of ${profile}`);
    });
    const { token, expiration } = await unlessAborted(kept, signal);
    return { token, expiration };
  };
  const self: Profile = {
    token: ({ signal } = {}) => obtain(ownKey, own, signal),
    reject: (token) => tokens.reject(ownKey, token),
    fetch: (origins) => authorizedFetch(self, origins, deps.fetch),
    exchange({ subjectToken, subjectTokenType = ACCESS_TOKEN, actorToken, actorTokenType, audience, signal }) {
      const form = formOf({
        grant_type: TOKEN_EXCHANGE,
        subject_token: subjectToken,
        subject_token_type: subjectTokenType,
        actor_token: actorToken,
        actor_token_type: actorToken && (actorTokenType ?? ACCESS_TOKEN),
        audience,
        scope,
      });
      return obtain(keyOf(form), form, signal);
    },
    async introspect(token, { signal } = {}) {
      const answer = await unlessAborted(post('introspect', formOf({ token })), signal);
      if (typeof answer.active === 'boolean') return answer as Introspection;
      throw unexpected(`introspect of ${profile}`);
    },
    async revoke(token, { signal } = {}) {
      tokens.forget(token);
      await unlessAborted(post('revoke', formOf({ token })), signal);
      // A renewal that was under way may have brought it back.
      tokens.forget(token);
    },
  };
  return self;
}

/**
 * The broker at a URL.
 * @throws {TypeError} if the URL is not private, or no region is known
 */
export function createBroker(options: BrokerOptions): Broker {
  // Where there is no `process`, there is no environment.
  const env: Environment = globalThis.process?.env ?? {};
  const now = options.now ?? Date.now;
  const send: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const provide = options.credentials ?? (() => fromEnvironment({ env, fetch: send, now }));
  const deps: ClientDeps = {
    ...placeOf(options, env),
    credentials: keepCredentials(provide, now),
    fetch: send,
    now,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  };
  const tokens = createTokens(() => ({ wall: now(), steady: performance.now() }), Math.random);
  return {
    profile(name, { scope } = {}) {
      if (!NAME.test(name)) throw new TypeError('not the name of a profile');
      return createProfile(name, scope, deps, tokens);
    },
  };
}
