import type { IncomingMessage } from 'node:http';

/** A complete request as received: nothing in it is decoded. */
export interface WireRequest {
  readonly method: string;
  /** Percent-encoded, up to the question mark. */
  readonly path: string;
  /** Percent-encoded, without the question mark; empty if there is none. */
  readonly query: string;
  /** Name and value pairs in their original order and spelling, including duplicates. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly sourceIp: string;
}

/** API Gateway's quota for a request's payload. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** API Gateway's quota for the request line and all header values together. */
const MAX_HEADER_BYTES = 10_240;

/** Every value of a header, in order. `name` in lower case. */
export function headerValues(request: Pick<WireRequest, 'headers'>, name: string): readonly string[] {
  return request.headers.filter(([header]) => header.toLowerCase() === name).map(([, value]) => value);
}

/** The only value of a header; `undefined` if there is none, or more than one. */
export function soleHeader(request: Pick<WireRequest, 'headers'>, name: string): string | undefined {
  const values = headerValues(request, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Decodes a path or query value. `undefined` if its percent-encoding is invalid. */
export function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The decoded parameters of a query, in order; a plus sign is a space. Invalid percent-encoding is left unchanged. */
export function queryParameters(query: string): readonly (readonly [name: string, value: string])[] {
  return [...new URLSearchParams(query)];
}

/** Whether the request line and the header values exceed {@link MAX_HEADER_BYTES}. */
export function hasTooLargeHeader(req: IncomingMessage): boolean {
  const requestLineBytes = (req.method ?? '').length + (req.url ?? '').length;
  const valueBytes = req.rawHeaders.filter((_, i) => i % 2 === 1).reduce((sum, value) => sum + value.length, 0);
  return requestLineBytes + valueBytes > MAX_HEADER_BYTES;
}

/**
 * Reads the rest of a request. `undefined` if its body exceeds {@link MAX_BODY_BYTES}; the excess is read and dropped,
 * so that the client can finish and read the answer. Rejects if the client disconnects.
 */
export async function receive(req: IncomingMessage): Promise<WireRequest | undefined> {
  const chunks: Buffer[] = [];
  let bodyBytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bodyBytes += chunk.length;
    if (bodyBytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bodyBytes > MAX_BODY_BYTES) return undefined;
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: req.method ?? 'GET',
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? '' : url.slice(mark + 1),
    headers: req.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [[name, all[i + 1] ?? ''] as const] : [])),
    body: Buffer.concat(chunks),
    sourceIp: (req.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
  };
}
