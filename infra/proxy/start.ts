import { type CredentialProvider, keepCredentials } from '../../client/src/credentials.ts';
import type { Instant } from '../../client/src/decision.ts';
import type { Place } from '../../client/src/place.ts';
import type { Clock } from '../../lib/core/clock.ts';
import type { HttpClient } from '../../lib/net/http-client.ts';
import type { TlsIdentity } from '../local/stand-in.ts';
import type { LocalToken } from './local-token.ts';
import { createMetadata } from './metadata.ts';
import { createSend } from './send.ts';
import { createProxy, type RunningProxy } from './server.ts';
import { createUpstream, type Happened, type Upstream } from './upstream.ts';

/** The time limit of a request to the broker: its functions answer within 10 s. */
const TIMEOUT_MS = 10_000;

export interface ProxyOptions extends Place {
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: TlsIdentity | undefined;
  /** Absent: clients need no secret. */
  readonly localToken?: LocalToken | undefined;
  /** Logs every request to the broker, not only those that fail. */
  readonly verbose?: boolean;
  /** The role that asks for the tokens of a profile. */
  readonly credentialsOf: (profile: string) => CredentialProvider;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Both clocks. */
  readonly instant: () => Instant;
  readonly log: (line: object) => void;
}

/** The log line of a request to the broker. */
function lineOf({ profile, endpoint, durationMs, failure }: Happened): object {
  const facts = failure && { error: failure.code, request_id: failure.requestId, says: failure.message };
  return { profile, endpoint, status: failure ? failure.status : 200, duration_ms: Math.round(durationMs), ...facts };
}

/** Starts a proxy. @throws {Error} with `code: 'EADDRINUSE'` if the port is in use */
export function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { url, region, http, clock, instant, log, verbose = false, localToken } = options;
  const upstreams = new Map<CredentialProvider, Upstream>();
  const create = (provide: CredentialProvider): Upstream =>
    createUpstream({
      url,
      region,
      credentials: keepCredentials(provide, clock.now),
      fetch: createSend(http, TIMEOUT_MS),
      now: clock.now,
      timeoutMs: TIMEOUT_MS,
      random: Math.random,
      instant,
      onCall(happened) {
        if (verbose || happened.failure !== undefined) log(lineOf(happened));
      },
    });
  return createProxy({
    port: options.port,
    tls: options.tls,
    localToken,
    upstreamOf(profile) {
      const provide = options.credentialsOf(profile);
      const upstream = upstreams.get(provide) ?? create(provide);
      upstreams.set(provide, upstream);
      return upstream;
    },
    metadata: createMetadata({ clock, http, url, timeoutMs: TIMEOUT_MS, needsSecret: localToken !== undefined }),
    onIgnored: () => log({ says: 'client_id and client_secret are ignored: the AWS role of the proxy says who asks' }),
  });
}
