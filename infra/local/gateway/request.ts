import type { IncomingMessage } from 'node:http';

/** A request as it came over the wire, complete and unread: nothing in it is decoded. */
export interface WireRequest {
  readonly method: string;
  /** Percent-encoded, up to the question mark. */
  readonly path: string;
  /** Percent-encoded, without the question mark; empty when there is none. */
  readonly query: string;
  /** Name and value pairs in their order and spelling, duplicates included. */
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

/** The one value of a header; `undefined` when it is absent or there is more than one. */
export function soleHeader(request: Pick<WireRequest, 'headers'>, name: string): string | undefined {
  const values = headerValues(request, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Splits a wire path or query value back into text. `undefined` when its percent-encoding is broken. */
export function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A query's decoded parameters in their order; a plus sign is a space. A broken percent-encoding is left as it is. */
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
 * Reads the rest of a request. `undefined` when its body exceeds {@link MAX_BODY_BYTES}; the excess is read and dropped,
 * so that the client can finish and see the answer. Rejects when the client hangs up.
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
