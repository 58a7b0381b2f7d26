import { decodeText, trimInvisible } from '../core/text.ts';

/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>;

/** Layers around the JSON: each carrier adds one at most, and few secrets pass more than two. */
const MOST_LAYERS = 4;

const BASE64 = /^[\w+/-]+={0,2}$/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Escapes control characters within the strings of a JSON text, such as the line breaks of a PEM key. */
const escapeControls = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\[\s\S])*"/g, (string) =>
    string.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );

/** The text in base64 or base64url, which may be broken into lines; `undefined` if it is neither. */
function decodeBase64(text: string): string | undefined {
  const compact = text.replace(/\s+/g, '');
  return compact.length >= 16 && BASE64.test(compact) ? decodeText(Buffer.from(compact, 'base64')) : undefined;
}

const QUOTED = /^(['"`])([\s\S]*)\1$/;

/** The ways in which a carrier wraps a text; each gives the text one layer deeper, or `undefined`. */
const UNWRAPPINGS: readonly ((text: string) => string | undefined)[] = [
  (text) => QUOTED.exec(text)?.[2],
  // JSON whose quotes are escaped, as in a string without its own quotes.
  (text) => {
    const inner = text.startsWith('{\\"') ? parseJson(`"${escapeControls(text)}"`) : undefined;
    return typeof inner === 'string' ? inner : undefined;
  },
  decodeBase64,
];

/**
 * The JSON object in the text of a secret, as its carriers deform it: with a byte order mark, quoted, as JSON in a JSON
 * string, in base64, in UTF-16, with raw line breaks in its strings.
 * @returns the members, or `undefined` if there is no JSON object
 */
export function findMembers(text: string, layers = MOST_LAYERS): Members | undefined {
  // UTF-16 that was read as one byte for each character.
  const isMisread = /[^\0]\0[^\0]\0/.test(text);
  const trimmed = trimInvisible(isMisread ? decodeText(Buffer.from(text, 'latin1')) : text);
  const value = parseJson(trimmed) ?? parseJson(escapeControls(trimmed));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  if (layers === 0) return undefined;
  if (typeof value === 'string') return findMembers(value, layers - 1);
  if (value !== undefined) return undefined;
  for (const unwrap of UNWRAPPINGS) {
    const inner = unwrap(trimmed);
    const found = inner === undefined ? undefined : findMembers(inner, layers - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a text is that contains no JSON object, for an operator. Quotes nothing of it. */
export function describeText(text: string): string {
  const trimmed = trimInvisible(text);
  if (trimmed === '') return 'is empty';
  const length = `${trimmed.length} characters`;
  const value = parseJson(trimmed);
  if (Array.isArray(value)) return 'is a JSON array';
  if (value !== undefined && typeof value !== 'string') return `is a JSON ${value === null ? 'null' : typeof value}`;
  if (/^[{[]/.test(trimmed)) return `is not valid JSON, although it begins with ${trimmed[0]} (${length})`;
  if (trimmed.includes('-----BEGIN'))
    return `is a PEM text of ${length} alone, without the id of its key and its owner`;
  return `is a plain text of ${length}`;
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/;
const LINE_LENGTH = 64;

/**
 * A PEM text (RFC 7468) with its line breaks: key/value editors, environment files and CI variables turn them into
 * spaces or into `\n`, indent the lines, or drop them. Also undoes base64 around it.
 */
export function repairPem(text: string): string {
  const plain = text.includes('-----BEGIN') ? text : (decodeBase64(text) ?? text);
  const [, label, body = ''] = PEM_BLOCK.exec(plain) ?? [];
  // Headers, as of an encrypted key, are left alone.
  if (label === undefined || body.includes(':')) return plain;
  const base64 = body.replace(/\\+[nrt]/g, '').replace(/[^\w+/=]+/g, '');
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
