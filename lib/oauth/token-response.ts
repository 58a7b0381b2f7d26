import { type Redacted, redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { DAY_MS, SECOND_MS } from '../core/time.ts';
import { isScopeToken } from './grant.ts';
import type { OAuthAnswer } from './transport.ts';

/** A successful answer of a token endpoint (RFC 6749 §5.1, RFC 8693 §2.2.1). */
export interface TokenResponse {
  readonly accessToken: Redacted<string>;
  /** At most 30 days. */
  readonly lifeMs: number;
  /** Absent if the server sent none: the scope is as requested. */
  readonly scope?: string;
  /** As the server spells it: `Bearer`, or `N_A` for a token that is not an access token (RFC 8693 §2.2.1). */
  readonly tokenType: string;
  /** RFC 8693 §2.2.1; exchanges only. */
  readonly issuedTokenType?: string;
}

/** A refusal (RFC 6749 §5.2). The texts are untrusted: never pass them to callers, and sanitise them for the log. */
export interface ErrorResponse {
  readonly error: string;
  readonly description: string;
}

/** The longest life that is used: a token that lives longer is cached, and reported to callers, for this long. */
export const LONGEST_LIFE_MS = 30 * DAY_MS;

/** ZITADEL's `expires_in` of an ended session can wrap to 1.8e19, so anything over 100 years is refused. */
const LONGEST_EXPIRES_IN = (36_525 * DAY_MS) / SECOND_MS;

/** In characters. Far above any real token: API Gateway passes no header this long. The row stays below 400 kB. */
export const LONGEST_TOKEN = 48 * 1024;

/** `access-token = 1*VSCHAR` (RFC 6749 appendix A.12) without the space, which a header cannot carry. */
const TOKEN_SHAPE = /^[\x21-\x7e]+$/;

/** The members of a JSON object, or `undefined` for anything else. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** `scope = scope-token *( SP scope-token )` (RFC 6749 §3.3); ZITADEL may send an empty one. */
const isScope = (value: unknown): value is string =>
  typeof value === 'string' && (value === '' || value.split(' ').every(isScopeToken));

/** `expires_in` as a whole number; some servers send a text of digits. */
function readSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && Number.isInteger(seconds) ? seconds : undefined;
}

/** Whether the content type of an answer is JSON. */
export const isJson = ({ headers }: OAuthAnswer): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(String(headers['content-type'] ?? ''));

/**
 * Parses a 200 answer of a token endpoint.
 * @param tokenTypes the accepted values of `token_type`, in lower case
 * @returns the token, or what is wrong with the answer, without quoting it
 */
export function parseTokenResponse(
  answer: OAuthAnswer,
  tokenTypes: readonly string[] = ['bearer'],
): Result<TokenResponse, string> {
  if (!isJson(answer)) return fail('the content type is not JSON');
  const members = parseJsonObject(answer.body);
  if (members === undefined) return fail('the body is not a JSON object');
  const { access_token: token, token_type: type, expires_in: expiresIn, scope, issued_token_type: issued } = members;
  if (typeof token !== 'string' || !TOKEN_SHAPE.test(token)) return fail('access_token is missing or not a token');
  if (token.length > LONGEST_TOKEN)
    return fail(`access_token has ${token.length} characters, more than the ${LONGEST_TOKEN} that are accepted`);
  if (typeof type !== 'string' || !tokenTypes.includes(type.toLowerCase())) return fail('token_type is not Bearer');
  const lifeSeconds = readSeconds(expiresIn);
  if (lifeSeconds === undefined) return fail('expires_in is not a whole number');
  if (lifeSeconds < 1 || lifeSeconds > LONGEST_EXPIRES_IN) return fail('expires_in is out of range');
  if (scope !== undefined && !isScope(scope)) return fail('scope is not a list of scopes');
  return ok({
    accessToken: redacted(token),
    lifeMs: Math.min(lifeSeconds * SECOND_MS, LONGEST_LIFE_MS),
    ...(scope === undefined ? {} : { scope }),
    tokenType: type,
    ...(typeof issued === 'string' ? { issuedTokenType: issued } : {}),
  });
}

/** Parses a refusal; `undefined` if the answer is not one. */
export function parseErrorResponse(answer: OAuthAnswer): ErrorResponse | undefined {
  const members = isJson(answer) ? parseJsonObject(answer.body) : undefined;
  if (typeof members?.error !== 'string') return undefined;
  const description = members.error_description;
  return { error: members.error, description: typeof description === 'string' ? description : '' };
}
