import { unlessAborted } from '../../client/src/abort.ts';
import type { Send } from '../../client/src/credentials.ts';
import type { HttpClient } from '../../lib/net/http-client.ts';

const USER_AGENT = { 'user-agent': 'zitadel-token-broker-proxy' };

/**
 * Sends the client's requests over the broker's own HTTP client, which takes the proxies that the environment names. The
 * global `fetch` would add 10 MB to the process.
 */
export const createSend =
  (http: HttpClient, timeoutMs: number): Send =>
  async (url, { headers, body, signal }) => {
    signal.throwIfAborted();
    const sent = http.send({ url, headers: { ...headers, ...USER_AGENT }, body }, timeoutMs);
    const answered = await unlessAborted(sent, signal);
    if (!answered.ok) {
      // The client repeats the request once: over a new connection.
      if (answered.error.reset !== undefined) http.dropIdle();
      throw new Error(answered.error.detail);
    }
    const { status, headers: fields, body: text } = answered.value;
    return { status, text: async () => text, headers: { get: (name) => String(fields[name] ?? '') || null } };
  };
