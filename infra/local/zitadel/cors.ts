import type { IncomingHttpHeaders } from 'node:http';
import { bare, type Reply } from './http.ts';

const CREDENTIALS = { 'access-control-allow-credentials': 'true' };
const ALLOWED_HEADERS = new Set([
  'origin',
  'accept',
  'accept-language',
  'authorization',
  'content-type',
  'x-requested-with',
]);

const read = (headers: IncomingHttpHeaders, name: string): string => String(headers[name] ?? '');

/** The answer to a preflight (Fetch §4.8) of any origin: without the headers that allow it when its method or a header may not be. */
export function preflight(
  methods: ReadonlySet<string>,
  method: string,
  headers: IncomingHttpHeaders,
): Reply | undefined {
  const [origin, wanted] = [read(headers, 'origin'), read(headers, 'access-control-request-method')];
  if (method !== 'OPTIONS' || origin === '' || wanted === '') return undefined;
  const requested = read(headers, 'access-control-request-headers');
  const isAllowed = requested.split(',').every((name) => name === '' || ALLOWED_HEADERS.has(name.trim().toLowerCase()));
  if (!methods.has(wanted) || !isAllowed) return bare(204, {});
  return bare(204, {
    ...CREDENTIALS,
    'access-control-allow-origin': origin,
    'access-control-allow-methods': wanted,
    ...(requested === '' ? {} : { 'access-control-allow-headers': requested }),
  });
}

/** The headers that let a browser read an answer. */
export function corsHeaders(
  methods: ReadonlySet<string>,
  method: string,
  headers: IncomingHttpHeaders,
): Readonly<Record<string, string>> {
  const origin = read(headers, 'origin');
  if (origin === '' || !(method === 'OPTIONS' || methods.has(method))) return {};
  return {
    ...CREDENTIALS,
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Location, Content-Length',
  };
}
