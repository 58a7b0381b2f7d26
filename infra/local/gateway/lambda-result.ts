import { validateHeaderName, validateHeaderValue } from 'node:http';

/** A response ready to be sent. Headers are pairs, because names may be repeated. */
export interface GatewayResponse {
  readonly statusCode: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Payload format 2.0 belongs to HTTP APIs, 1.0 to REST APIs. */
export type PayloadFormat = 'v2' | 'v1';

/** API Gateway sets these itself. */
const OWN_HEADERS = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** REST APIs reserve this one, and rename it in a function's response. */
const REMAPPED_HEADERS = new Set(['www-authenticate']);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** Header pairs of `{name: value}` or `{name: [values]}`; `undefined` if a value cannot be a header. */
function headerPairs(headers: unknown): readonly (readonly [string, string])[] | undefined {
  if (headers === undefined || headers === null) return [];
  if (!isRecord(headers)) return undefined;
  const pairs: (readonly [string, string])[] = [];
  for (const [name, given] of Object.entries(headers)) {
    for (const value of Array.isArray(given) ? given : [given]) {
      if (!isScalar(value)) return undefined;
      try {
        validateHeaderName(name);
        validateHeaderValue(name, String(value));
      } catch {
        return undefined;
      }
      pairs.push([name, String(value)]);
    }
  }
  return pairs;
}

function withContentType(headers: GatewayResponse['headers'], fallback: string): GatewayResponse['headers'] {
  const isGiven = headers.some(([name]) => name.toLowerCase() === 'content-type');
  return isGiven ? headers : [...headers, ['content-type', fallback]];
}

/**
 * Parses a function's result. `undefined` if it is malformed: a REST API requires a status code; an HTTP API uses a
 * value without one as the body of a 200.
 */
export function parseLambdaResult(value: unknown, payload: PayloadFormat): GatewayResponse | undefined {
  if (payload === 'v2' && !(isRecord(value) && 'statusCode' in value)) {
    const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    return { statusCode: 200, headers: [['content-type', 'application/json']], body };
  }
  if (!isRecord(value)) return undefined;
  const { statusCode, body, isBase64Encoded } = value;
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode)) return undefined;
  if (statusCode < 200 || statusCode > 599) return undefined;
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined;
  const headers = headerPairs(value.headers);
  const more =
    payload === 'v1' ? headerPairs(value.multiValueHeaders) : headerPairs({ 'set-cookie': value.cookies ?? [] });
  if (headers === undefined || more === undefined) return undefined;
  const kept = [...headers, ...more].filter(([name]) => !OWN_HEADERS.has(name.toLowerCase()));
  const renamed = kept.map(([name, text]): readonly [string, string] =>
    payload === 'v1' && REMAPPED_HEADERS.has(name.toLowerCase()) ? [`x-amzn-Remapped-${name}`, text] : [name, text],
  );
  return {
    statusCode,
    headers: withContentType(renamed, payload === 'v2' ? 'text/plain; charset=utf-8' : 'application/json'),
    body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}
