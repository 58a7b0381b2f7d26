import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header with the key. A page of another origin cannot send it without asking, and is not allowed to. */
export const KEY_HEADER = 'x-page-key';

/** Everything that the page may call begins with this, and needs the key. */
export const API = '/api/';

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Why a request is refused; `undefined` if it is not. The host is checked because the name of another site may be made
 * to resolve to 127.0.0.1 (DNS rebinding), the origin because any page that this browser shows can send requests here.
 */
export function refusalOf(
  { headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>,
  { port, key }: { readonly port: number; readonly key: string },
): { readonly status: 401 | 403; readonly text: string } | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host = '', origin } = headers;
  if (!hosts.includes(host)) return { status: 403, text: 'this host is not the page' };
  if (origin !== undefined && origin !== `http://${host}`) return { status: 403, text: 'this origin is not the page' };
  const sent = headers[KEY_HEADER];
  if (url.startsWith(API) && !(typeof sent === 'string' && isEqual(sent, key))) {
    return { status: 401, text: 'the key is missing or wrong: open the address that npm start printed' };
  }
  return undefined;
}
