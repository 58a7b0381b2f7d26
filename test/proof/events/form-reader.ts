import { member } from './json.ts';

/** A form that could be read. */
export interface ReadForm {
  /** Without those that are sent empty: they are not sent (RFC 6749 §3.1). */
  readonly parameters: ReadonlyMap<string, string>;
  /** All values of `audience`, which may be repeated, as `resource` may (RFC 8693 §2.1). */
  readonly audiences: readonly string[];
  /** Bytes of the body. */
  readonly size: number;
}

const FORM = 'application/x-www-form-urlencoded';
const LARGEST_BYTES = 100 * 1024;
/** That many characters of base64 hold it. */
const LONGEST_BASE64 = Math.ceil(LARGEST_BYTES / 3) * 4;
const HEX = '0123456789abcdefABCDEF';

/** The media type that the headers name; header names know no case (RFC 9110 §5.1). */
function mediaType(headers: unknown): string | undefined {
  const [, type] = Object.entries(Object(headers)).find(([name]) => name.toLowerCase() === 'content-type') ?? [];
  return typeof type === 'string' ? type.split(';')[0]?.trim().toLowerCase() : undefined;
}

/** The body as bytes. What is no base64, although the event says so, is read as far as it can be. */
function bytesOf(event: unknown): Buffer {
  const body = member(event, 'body');
  if (typeof body !== 'string') return Buffer.alloc(0);
  return Buffer.from(body, member(event, 'isBase64Encoded') === true ? 'base64' : 'utf8');
}

/** The text that the bytes are in UTF-8; `undefined` if they are none. */
function fromUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

/** Undoes form-url-encoding, byte by byte; `undefined` if a percent sign starts no escape, or the bytes are no UTF-8. */
function unescaped(text: string): string | undefined {
  const [first = '', ...escapes] = text.replaceAll('+', ' ').split('%');
  const isEscape = (piece: string) =>
    piece.length >= 2 && HEX.includes(piece.charAt(0)) && HEX.includes(piece.charAt(1));
  if (!escapes.every(isEscape)) return undefined;
  const pieces = escapes.map((piece) => String.fromCharCode(Number.parseInt(piece.slice(0, 2), 16)) + piece.slice(2));
  return fromUtf8(Buffer.from(first + pieces.join(''), 'latin1'));
}

/** The parameters of a form; `undefined` if one is repeated that may not be, or cannot be read. */
function parametersOf(bytes: Buffer): Pick<ReadForm, 'parameters' | 'audiences'> | undefined {
  const read: [name: string, value: string][] = [];
  // One character for each byte: what is not ASCII must be UTF-8 in the end, however it was written.
  for (const piece of bytes.toString('latin1').split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = unescaped(equals < 0 ? piece : piece.slice(0, equals));
    const value = unescaped(equals < 0 ? '' : piece.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    const isRepeated = read.some(([earlier]) => earlier === name);
    if (isRepeated && name !== 'audience' && name !== 'resource') return undefined;
    read.push([name, value]);
  }
  const sent = read.filter(([, value]) => value !== '');
  const audiences = sent.filter(([name]) => name === 'audience').map(([, value]) => value);
  return { parameters: new Map(sent), audiences };
}

/** The form in the event of a POST; `undefined` if there is none, or none that may be read. */
export function readForm(event: unknown): ReadForm | undefined {
  const body = member(event, 'body');
  if (typeof body === 'string' && body.length > LONGEST_BASE64) return undefined;
  const bytes = bytesOf(event);
  const isForm = mediaType(member(event, 'headers')) === FORM;
  // The whole body is UTF-8, not only what its escapes and its other bytes make together.
  if (!isForm || bytes.length > LARGEST_BYTES || fromUtf8(bytes) === undefined) return undefined;
  const parameters = parametersOf(bytes);
  return parameters && { ...parameters, size: bytes.length };
}
