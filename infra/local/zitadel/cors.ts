import type { IncomingHttpHeaders } from 'node:http';
import { bare, type Reply } from './http.ts';

const ALLOWED_HEADERS = /^(?:origin|accept|accept-language|authorization|content-type|x-requested-with)$/i;

/** What lets a browser read the answer across origins, or is the whole answer: to a preflight. Any origin may. */
export function cors(
  allowed: ReadonlySet<string>,
  method: string,
  headers: IncomingHttpHeaders,
): { readonly answer?: Reply; readonly headers: Readonly<Record<string, string>> } {
  const { origin = '', 'access-control-request-method': wanted } = headers;
  if (origin === '') return { headers: {} };
  const opened = { 'access-control-allow-credentials': 'true', 'access-control-allow-origin': origin };
  if (method !== 'OPTIONS' || !wanted) {
    const exposed = { ...opened, 'access-control-expose-headers': 'Location, Content-Length' };
    return { headers: method === 'OPTIONS' || allowed.has(method) ? exposed : {} };
  }
  const requested = headers['access-control-request-headers'] ?? '';
  const isAllowed =
    allowed.has(wanted) && requested.split(',').every((name) => name === '' || ALLOWED_HEADERS.test(name.trim()));
  const said = requested === '' ? {} : { 'access-control-allow-headers': requested };
  const answer = bare(204, isAllowed ? { ...opened, 'access-control-allow-methods': wanted, ...said } : {});
  return { answer, headers: {} };
}
