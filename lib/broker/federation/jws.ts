import { fail, ok, type Result } from '../../core/result.ts';
import { parseJsonObject } from '../../oauth/token-response.ts';

type Members = Readonly<Record<string, unknown>>;

/** An assertion whose signature is not verified yet. */
export interface Unverified {
  readonly header: Members & { readonly alg: string; readonly kid: string };
  readonly claims: Members;
}

/** Above any real assertion; the largest, of AWS with many tags, have about 4 kB. */
export const LONGEST_ASSERTION = 8 * 1024;

/** RFC 7515 §7.1: three parts in base64url. A JWE has five. */
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

const KID = /^[\w.~+/=:-]{1,256}$/;

/** RFC 7523bis names `client-authentication+jwt`; an access token (`at+jwt`) and a logout token are no assertions. */
const TYPES: readonly unknown[] = [undefined, 'JWT', 'jwt', 'JOSE', 'client-authentication+jwt'];

/** Header parameters that name keys, or change how a JWS is read: none is ever followed (RFC 8725 §3.10). */
const REFUSED = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];

const countMembers = (value: unknown): number =>
  typeof value !== 'object' || value === null
    ? 0
    : Object.values(value).reduce(
        (count: number, member) => count + countMembers(member),
        Array.isArray(value) ? 0 : Object.keys(value).length,
      );

/** Whether a member is named twice in one object: readers differ on which one counts (RFC 8725 §2.4). */
const hasDuplicates = (json: string, value: unknown): boolean =>
  [...json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length !==
  countMembers(value);

/** Whether base64url is spelt in the only way that encoders do: no bits are left over. */
const isCanonical = (part: string): boolean => Buffer.from(part, 'base64url').toString('base64url') === part;

/** Parses one part: UTF-8, of a JSON object without duplicates. */
function parsePart(part: string): Members | undefined {
  const bytes = Buffer.from(part, 'base64url');
  const json = bytes.toString('utf8');
  if (!Buffer.from(json).equals(bytes)) return undefined;
  const value = parseJsonObject(json);
  return value === undefined || hasDuplicates(json, value) ? undefined : value;
}

/**
 * Parses a JWS in compact serialization, strictly. It verifies nothing.
 * @returns the header and the claims, or a sentence that repeats nothing of it
 */
export function parseJws(compact: string): Result<Unverified, string> {
  if (compact.length > LONGEST_ASSERTION) return fail('client_assertion is longer than 8 kB');
  const [, head = '', body = '', signature = ''] = COMPACT.exec(compact) ?? [];
  if (head === '' || ![head, body, signature].every(isCanonical))
    return fail('client_assertion is not a signed JWT: three parts in base64url');
  const header = parsePart(head);
  const claims = parsePart(body);
  if (header === undefined || claims === undefined)
    return fail('client_assertion has a part that is not a JSON object');
  const { alg, kid, typ } = header;
  if (REFUSED.some((name) => name in header)) return fail('client_assertion has a header parameter that is refused');
  if (!TYPES.includes(typ)) return fail('client_assertion is a token of another type');
  if (typeof alg !== 'string') return fail('client_assertion names no algorithm');
  if (typeof kid !== 'string' || !KID.test(kid)) return fail('client_assertion names no key (kid)');
  return ok({ header: { ...header, alg, kid }, claims });
}
