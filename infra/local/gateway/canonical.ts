import { createHash } from 'node:crypto';
import { headerValues, percentDecode, type WireRequest } from './request.ts';

/** Lower-case hexadecimal SHA-256. */
export function sha256Hex(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** RFC 3986 §2.3: percent-encodes everything except unreserved characters, with upper-case digits. */
function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Every service but S3 normalises the path (RFC 3986 §5.2.4) and encodes the already encoded path once more. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const slash = segments.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${segments.map(uriEncode).join('/')}${slash}`;
}

function canonicalQuery(query: string): string {
  const normalize = (text: string) => uriEncode(percentDecode(text) ?? text);
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const equals = pair.indexOf('=');
      if (equals === -1) return [normalize(pair), ''];
      return [normalize(pair.slice(0, equals)), normalize(pair.slice(equals + 1))];
    })
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** AWS Signature Version 4, task 1: the canonical request. */
export function canonicalRequest(request: WireRequest, signedHeaders: readonly string[]): string {
  const headerLine = (name: string) => {
    const values = headerValues(request, name).map((value) => value.trim().replace(/\s+/g, ' '));
    return `${name}:${values.join(',')}\n`;
  };
  return [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query),
    signedHeaders.map(headerLine).join(''),
    signedHeaders.join(';'),
    sha256Hex(request.body),
  ].join('\n');
}
