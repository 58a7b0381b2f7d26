import { fail, ok, type Result } from '../../core/result.ts';
import { TOKEN_TYPE } from '../../oauth/grant.ts';
import { ZITADEL_PROJECT } from '../../zitadel/scope.ts';
import { USER_ID } from '../../zitadel/token-request.ts';
import { isMapping, list, type Path, type Report, unknownFields } from './document.ts';

/** What callers of a profile may exchange for what (RFC 8693). */
export interface ExchangeRules {
  /** URNs of token types. */
  readonly subjectTokenTypes: readonly string[];
  readonly requestedTokenTypes: readonly string[];
  /** The most that comes out: the scopes of the profile. */
  readonly scopes: readonly string[];
  /** Values of `audience` that callers may ask for besides the audiences of the scopes. */
  readonly audiences: readonly string[];
  /** Whether an actor may stand in for another user. */
  readonly impersonation: boolean;
}

/** Types by the short names that a profile may use for them. */
const TYPES: Readonly<Record<string, string>> = {
  access_token: TOKEN_TYPE.accessToken,
  id_token: TOKEN_TYPE.idToken,
  jwt: TOKEN_TYPE.jwt,
  user_id: USER_ID,
};

/** Subjects that are exchanged only with an actor: an id token has no scopes of its own, and is refused for that. */
export const NEEDS_ACTOR: readonly string[] = [TOKEN_TYPE.idToken, TOKEN_TYPE.jwt, USER_ID];

/** Whether a text is the URN of a type of token that ZITADEL knows. */
export const isTokenType = (text: string): boolean => Object.values(TYPES).includes(text);

const SUBJECT_TYPES = Object.keys(TYPES);
const REQUESTED_TYPES = ['access_token', 'jwt', 'id_token'];

/** Reads a token type by its short name or its URN. */
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

/** Reads `exchange` of a profile. By default access tokens are exchanged for access tokens, and nobody is impersonated. */
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
      'must be true for the subject types id_token, jwt and user_id: ZITADEL wants an actor for them',
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
