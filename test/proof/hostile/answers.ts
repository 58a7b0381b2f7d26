import type { Given } from './kinds/kind.ts';
import type { Proper } from './play.ts';

/** An answer of HTTP/1.1 with a length. */
export function answer(
  status: number | string,
  { type, body }: { readonly type?: string | undefined; readonly body: string | Buffer },
  headers: readonly string[] = [],
): Buffer {
  const bytes = Buffer.from(body as string, 'utf8');
  const lines = [
    `HTTP/1.1 ${typeof status === 'number' ? `${status} Status` : status}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...headers,
    `Content-Length: ${bytes.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'), bytes]);
}

/** The proper answer with more header lines, and perhaps another status. */
export const again = (
  { proper }: Given,
  lines: readonly string[] = [],
  status: number | string = proper.status,
): Buffer => answer(status, proper, lines);

/** The same where it is a play. */
export const withHeaders =
  (lines: readonly string[] = [], status?: number | string) =>
  (given: Given): Buffer =>
    again(given, lines, status);

/** The proper answer with another body. */
export const withBody = ({ proper: { type } }: Given, body: string | Buffer, lines: readonly string[] = []): Buffer =>
  answer(200, { type, body }, lines);

/** JSON, of any status. */
export const json = (body: string | Buffer, status: number | string = 200, lines: readonly string[] = []): Buffer =>
  answer(status, { type: 'application/json', body }, lines);

/** A page, as proxies and portals send it. */
export const html = (body: string, status: number, lines: readonly string[] = []): Buffer =>
  answer(status, { type: 'text/html', body }, lines);

/** The first line and the header lines of a proper answer, and the empty line: its length is not among them. */
export const head = ({ status, type }: Proper, ...lines: readonly string[]): string =>
  [`HTTP/1.1 ${status} OK`, `Content-Type: ${type}`, ...lines, '\r\n'].join('\r\n');

/** The header line of a body in chunks. */
export const CHUNKED = 'Transfer-Encoding: chunked';

/** The proper body, or JSON in place of one that is empty. */
export const something = ({ body }: Proper): string => (body.length > 2 ? body : '{"a":1}');

/** Arrays in each other, 10,000 deep or so deep as told. */
export const nested = (depth = 10_000): string => '['.repeat(depth) + ']'.repeat(depth);
