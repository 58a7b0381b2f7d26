import { fail, ok, type Result } from '../../core/result.ts';
import { TOKEN_TYPE } from '../../oauth/grant.ts';
import { ZITADEL_PROJECT } from '../../zitadel/scope.ts';
import { USER_ID } from '../../zitadel/token-request.ts';
import { isMapping, list, type Path, type Report, unknownFields } from './document.ts';

/** Which exchanges (RFC 8693) the callers of a profile may request. */
export interface ExchangeRules {
  /** URNs of token types. */
  readonly subjectTokenTypes: readonly string[];
  readonly requestedTokenTypes: readonly string[];
  /** The most that an exchanged token may have: the scopes of the profile. */
  readonly scopes: readonly string[];
  /** Values of `audience` that callers may request besides the audiences of the scopes. */
  readonly audiences: readonly string[];
  /** Whether an actor may impersonate another user. */
  readonly impersonation: boolean;
}

/** Token types by the short names that profiles may use. */
const TYPES: Readonly<Record<string, string>> = {
  access_token: TOKEN_TYPE.accessToken,
  id_token: TOKEN_TYPE.idToken,
  jwt: TOKEN_TYPE.jwt,
  user_id: USER_ID,
};

/** Subject types that need an actor. An id token without one is refused because it has no scopes. */
export const NEEDS_ACTOR: readonly string[] = [TOKEN_TYPE.idToken, TOKEN_TYPE.jwt, USER_ID];

/** Whether a text is the URN of a token type that ZITADEL supports. */
export const isTokenType = (text: string): boolean => Object.values(TYPES).includes(text);

const SUBJECT_TYPES = Object.keys(TYPES);
const REQUESTED_TYPES = ['access_token', 'jwt', 'id_token'];

/** Parses a token type: a short name or a URN. */
const parseType =
  (names: readonly string[]) =>
  (value: unknown): Result<string, string> => {
    const name = names.find((known) => known === value || TYPES[known] === value);
    return name === undefined ? fail(`must be one of ${names.join(', ')}, or their URNs`) : ok(TYPES[name] ?? name);
  };

function parseAudience(value: unknown): Result<string, string> {
  if (typeof value !== 'string' || value === '') return fail('must be a non-empty string');
  return value === ZITADEL_PROJECT
    ? fail("grants access to ZITADEL's own API and is never given to callers; remove it")
    : ok(value);
}

/** Parses `exchange` of a profile. By default it allows access tokens for access tokens, and no impersonation. */
export function parseExchangeRules(
  value: unknown,
  scopes: readonly string[],
  path: Path,
  report: Report,
): ExchangeRules {
  const fields = isMapping(value) ? value : {};
  if (!isMapping(value)) report(path, 'must be a mapping, {} for the defaults');
  unknownFields(fields, ['subjectTokenTypes', 'requestedTokenTypes', 'audiences', 'impersonation'], path, report);
  const {
    subjectTokenTypes = ['access_token'],
    requestedTokenTypes = ['access_token'],
    audiences = [],
    impersonation = false,
  } = fields;
  if (typeof impersonation !== 'boolean') report([...path, 'impersonation'], 'must be true or false');
  const subjects = list(subjectTokenTypes, [...path, 'subjectTokenTypes'], report, parseType(SUBJECT_TYPES));
  if (impersonation !== true && subjects.some((type) => NEEDS_ACTOR.includes(type))) {
    report(
      [...path, 'impersonation'],
      'must be true for the subject types id_token, jwt and user_id: ZITADEL requires an actor for them',
    );
  }
  return {
    scopes,
    subjectTokenTypes: subjects,
    requestedTokenTypes: list(
      requestedTokenTypes,
      [...path, 'requestedTokenTypes'],
      report,
      parseType(REQUESTED_TYPES),
    ),
    audiences: list(audiences, [...path, 'audiences'], report, parseAudience),
    impersonation: impersonation === true,
  };
}
