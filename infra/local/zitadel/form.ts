/**
 * Undoes form encoding: `+` is a space, `%xx` a byte of UTF-8. `encoded` holds bytes, one per character.
 * `undefined` when a `%` is not followed by two hex digits.
 */
function unescapeBytes(encoded: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(encoded)) return undefined;
  const bytes = encoded
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** The parameters of a request. Of a repeated one, the first value counts for `grant_type`, the last for all others. */
export interface Form {
  readonly first: (name: string) => string;
  readonly last: (name: string) => string;
  /** Every value that is not empty. */
  readonly all: (name: string) => readonly string[];
  readonly has: (name: string) => boolean;
}

const BODY_METHODS = new Set(['POST', 'PUT', 'PATCH']);
const LARGEST_BODY_BYTES = 10 * 1024 * 1024;
const LARGEST_COUNT = 10_000;

/** A token of HTTP (RFC 9110 §5.6.2), in the form of a regular expression. */
export const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const MEDIA_TYPE = new RegExp(
  `^\\s*(${TOKEN}(?:/${TOKEN})?)\\s*(?:;\\s*${TOKEN}\\s*=\\s*(?:${TOKEN}|"[^"]*")\\s*)*;?\\s*$`,
);

/** The media type of a header, `''` when there is none and `undefined` when the header is malformed. */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType ? MEDIA_TYPE.exec(contentType)?.[1]?.toLowerCase() : '';
}

/** The media type of forms. */
export const FORM = 'application/x-www-form-urlencoded';

/**
 * Reads the parameters: of a form in the body, then those of the query. `undefined` when they cannot be decoded or
 * are too many.
 */
export function parseForm(method: string, contentType: string | undefined, body: string, query: string) {
  const mediaType = BODY_METHODS.has(method) ? mediaTypeOf(contentType) : '';
  if (mediaType === undefined) return undefined;
  if (mediaType === FORM && Buffer.byteLength(body) > LARGEST_BODY_BYTES) return undefined;
  const sources = [mediaType === FORM ? body.split('&') : [], query.split('&')];
  if (sources.some(({ length }) => length > LARGEST_COUNT)) return undefined;
  const pairs: [name: string, value: string][] = [];
  for (const pair of sources.flat()) {
    if (pair === '') continue;
    const bytes = Buffer.from(pair).toString('latin1');
    const cut = bytes.includes('=') ? bytes.indexOf('=') : bytes.length;
    const name = unescapeBytes(bytes.slice(0, cut));
    const value = unescapeBytes(bytes.slice(cut + 1));
    if (name === undefined || value === undefined || pair.includes(';')) return undefined;
    pairs.push([name, value]);
  }
  const values = (name: string) => pairs.filter(([key]) => key === name).map(([, value]) => value);
  const form: Form = {
    first: (name) => values(name)[0] ?? '',
    last: (name) => values(name).at(-1) ?? '',
    all: (name) => values(name).filter((value) => value !== ''),
    has: (name) => values(name).length > 0,
  };
  return form;
}

/**
 * The halves of a Basic header, form-decoded (RFC 6749 §2.3.1): `undefined` when there is no such header,
 * `'malformed'` when a half does not decode.
 */
export function readBasic(authorization: string | undefined) {
  const encoded = /^basic (.*)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = bytes.indexOf(':');
  if (colon < 0) return undefined;
  const id = unescapeBytes(bytes.slice(0, colon));
  const secret = unescapeBytes(bytes.slice(colon + 1));
  return id === undefined || secret === undefined ? 'malformed' : { id, secret };
}
