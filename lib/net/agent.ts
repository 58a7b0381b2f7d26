import type { AgentOptions } from 'node:https';
import net from 'node:net';
import { REQUEST_MS } from '../core/limits.ts';
import { readProxies } from './proxy.ts';

/**
 * How long one of several addresses may take to connect before the next is tried. Node's own 250 ms are less than one
 * round trip from Sydney to Frankfurt: no address would be reached.
 */
const ADDRESS_MS = REQUEST_MS / 3;

/** Each key has one request at a time; this limits the requests of many keys at once. */
const MOST_SOCKETS = 64;

/**
 * The options of every agent of the broker, for ZITADEL and AWS alike: connections are kept, several addresses have
 * time, and requests take the proxy that the environment names.
 * @throws {Error} if the environment names a proxy that is not a URL
 */
export function agentOptions(env: Readonly<Record<string, string | undefined>>): AgentOptions {
  // The option of the same name does not reach the connection to a proxy.
  net.setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_MS);
  const proxyEnv = readProxies(env);
  return {
    keepAlive: true,
    maxSockets: MOST_SOCKETS,
    // Ends a connection to a proxy that does not answer; otherwise it would stay, and count, after its request ended.
    ...(proxyEnv === undefined ? {} : { proxyEnv, timeout: REQUEST_MS }),
  };
}
