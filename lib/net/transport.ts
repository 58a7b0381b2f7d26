import type { Clock } from '../core/clock.ts';
import { REQUEST_MS } from '../core/limits.ts';
import { isLoopback } from '../core/loopback.ts';
import { fail } from '../core/result.ts';
import { FORM_TYPE } from '../oauth/form.ts';
import { LONGEST_TOKEN } from '../oauth/token-response.ts';
import type { Send } from '../oauth/transport.ts';
import { createHttpClient } from './http-client.ts';

/** Above any answer of a token endpoint: an access token of the longest kind, with an id token and a refresh token. */
export const LARGEST_BODY_BYTES = 4 * LONGEST_TOKEN;

export interface TransportDeps {
  readonly clock: Clock;
  /** Plain HTTP to loopback hosts, for the local stack. Nothing else is ever sent unencrypted. */
  readonly allowLoopbackHttp: boolean;
  /** Names the proxies, if any. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Creates the HTTPS client for authorization servers. It never throws. */
export function createTransport({ clock, allowLoopbackHttp, ...proxies }: TransportDeps): Send {
  const client = createHttpClient({ clock, largestBytes: LARGEST_BODY_BYTES, ...proxies });

  const send: Send = async ({ url: address, method, contentType, authorization, body }) => {
    const url = new URL(address);
    const isAllowed =
      url.protocol === 'https:' || (allowLoopbackHttp && url.protocol === 'http:' && isLoopback(url.hostname));
    if (!isAllowed) return fail({ kind: 'unreachable', detail: 'PLAIN_HTTP_REFUSED' });
    const headers = {
      accept: 'application/json',
      'accept-encoding': 'identity',
      ...(body === undefined ? {} : { 'content-type': contentType ?? FORM_TYPE }),
      'user-agent': 'zitadel-token-broker',
      ...(authorization === undefined ? {} : { authorization }),
    };
    const endsAt = clock.now() + REQUEST_MS;
    const first = await client.send({ url, method, headers, body }, REQUEST_MS);
    const leftMs = endsAt - clock.now();
    // After a freeze, idle connections, perhaps all of them, may be closed; that is not a failure of the server.
    if (first.ok || first.error.reset !== 'reused' || leftMs <= 0) return first;
    client.dropIdle();
    return client.send({ url, method, headers, body }, leftMs);
  };
  return Object.assign(send, { connect: (url: string) => client.connect(new URL(url)) });
}
