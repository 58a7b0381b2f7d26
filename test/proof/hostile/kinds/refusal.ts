import { answer, json } from '../answers.ts';
import { atZitadel, type Kind, type Meaning, type Means, only } from './kind.ts';
import { kinds, named, plays, type Table, words } from './table.ts';

const refusal = (error: unknown, description?: unknown): string =>
  JSON.stringify({ error, error_description: description });

/** Error codes at the token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2, and others), by what each means there. */
const CODES: Readonly<Partial<Record<Meaning, readonly string[]>>> = {
  refused: ['invalid_client', 'unauthorized_client'],
  grant_refused: ['invalid_grant', 'access_denied'],
  request_refused: ['invalid_request'],
  scope_refused: ['invalid_scope'],
  target_refused: ['invalid_target'],
  down: ['server_error', 'temporarily_unavailable'],
  nonsense: [
    ...['unsupported_grant_type', 'unsupported_token_type', 'invalid_token', 'invalid_dpop_proof'],
    ...['login_required', 'slow_down', 'no_such_error', 'Invalid_Client', 'invalid_client ', ''],
  ],
};

/** At introspection and revocation only the client can be refused. */
const elsewhere = (error: string): Meaning =>
  ['invalid_client', 'unauthorized_client'].includes(error) ? 'refused' : 'nonsense';

const codes = Object.entries(CODES).flatMap(([meaning, errors]) =>
  errors.flatMap((error) => {
    const means = { ...atZitadel(elsewhere(error)), token: meaning as Meaning };
    return kinds(`refusal: * ${error}`, means, (status) => json(refusal(error), status), named([400, 401, 403]));
  }),
);

/** ZITADEL's own texts decide where its codes do not: `{code} "{text}"`, and what each means. */
const TEXTS: Table<Meaning> = {
  'invalid_client "no active client not found"': 'refused',
  'invalid_request "Errors.User.Machine.Secret.Invalid"': 'grant_refused',
  'invalid_request "Errors.User.NotFound"': 'grant_refused',
  'invalid_request "Errors.User.Locked"': 'grant_refused',
  'invalid_grant "invalid assertion"': 'grant_refused',
  'invalid_request "subject_token is invalid"': 'subject_refused',
  'invalid_grant "subject_token is invalid"': 'subject_refused',
  'invalid_client "subject_token is invalid"': 'subject_refused',
  'invalid_request "actor_token is invalid"': 'subject_refused',
  'invalid_request "xsubject_tokenx is invalid"': 'request_refused',
  'invalid_request "Errors.TokenExchange.Token.TypeNotSupported"': 'type_refused',
  'invalid_request "Errors.TokenExchange.Impersonation.NotAllowed"': 'impersonation_refused',
  'access_denied "Errors.TokenExchange.Impersonation.PolicyDisabled"': 'impersonation_refused',
  'access_denied "membership not found"': 'impersonation_refused',
};
const texts = Object.entries(TEXTS).flatMap(([codeAndText, meaning]) => {
  const [, code, text] = /^(\w+) "(.+)"$/.exec(codeAndText) ?? [];
  return plays('refusal: *', only('token', meaning), { [codeAndText]: json(refusal(code, text), 400) });
});

/** Descriptions that are not a text, or not a text for a log. */
const DESCRIPTIONS: Table<unknown> = {
  'a number': 42,
  null: null,
  'an object': { a: 1 },
  empty: '',
  'of 60,000 characters': 'no '.repeat(20_000),
  'with line breaks': 'no\r\n{"level":"info","status":200}\r\n',
  'with escape sequences': '\x1b[2J\x1b[31mno\x07',
  'with NULs': 'no\0no',
  'with marks of direction': '\u202eon\u202c',
  'of emojis': '🔑'.repeat(100),
  'of half an emoji': '\ud83d',
  'that is JSON': '{"error":"invalid_scope"}',
  'that is HTML': '<script>alert(1)</script>',
  'that is a format': `%s%s%n%p ${'$'}{jndi:ldap://127.0.0.1/a} {{7*7}}`,
  'that is a path': '../../../../etc/passwd',
};

const described = (description: unknown): Buffer => json(refusal('invalid_client', description), 401);

/** The same refusal in other forms. */
const REFUSAL = refusal('invalid_client', 'no');
const withStatus = (status: number): Buffer => json(status === 304 ? '' : REFUSAL, status);
const withStatuses = (meaning: Meaning, statuses: readonly number[]): readonly Kind[] =>
  kinds('refusal: invalid_client with *', atZitadel(meaning), withStatus, named(statuses));

/** `Retry-After`: whatever comes, callers get between 1 and 30 s. */
const RETRY_AFTER: Table<string> = {
  ...words('0 1 7 30 31 3600 2147483648 99999999999999999999 -1 1.5 1e9 1e300 0x10 NaN Infinity soon 5;6'),
  ...named(['', '5, 6', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT']),
};

/** The body of a revocation's answer does not count. */
const NO_REVOCATION: Means = { ...atZitadel('nonsense'), revocation: 'answer' };

const FOREIGN = 'token was not issued for this client';

const later = (status: number, value: string): Buffer => json('{}', status, [`Retry-After: ${value}`]);

export const refusalKinds: readonly Kind[] = [
  ...codes,
  ...texts,
  ...plays('refusal: *', only('revocation', 'foreign_token'), {
    'the token of another client': json(refusal('invalid_client', FOREIGN), 400),
    '401, the token of another client': json(refusal('a', FOREIGN), 401),
  }),
  ...plays('refusal: *', only('revocation', 'refused'), {
    'the token of another client, nearly': json(refusal('invalid_client', `${FOREIGN}.`), 400),
  }),
  // Members `error` that are not a code: then the answer is not a refusal.
  ...kinds('refusal: an error that is *', atZitadel('nonsense'), (body) => json(body, 400), {
    'a number': '{"error":400}',
    null: '{"error":null}',
    'an array': '{"error":["invalid_client"]}',
    'an object': '{"error":{"code":"invalid_client"}}',
    'in another place': '{"errors":[{"error":"invalid_client"}]}',
    "gRPC's": '{"code":16,"message":"Errors.Token.Invalid","details":[]}',
    'in a prototype': '{"__proto__":{"error":"invalid_client"}}',
  }),
  ...kinds('refusal: a description *', atZitadel('refused'), described, DESCRIPTIONS),
  ...withStatuses('refused', [404, 405, 410, 418, 422, 451, 499]),
  ...withStatuses('down', [408, 429, 500, 502, 503, 504, 599]),
  ...withStatuses('nonsense', [201, 202, 206, 300, 302, 304, 307]),
  ...kinds('refusal: invalid_client with *', NO_REVOCATION, withStatus, named([200])),
  ...plays('refusal: *', atZitadel('nonsense'), {
    'as text': answer(401, { type: 'text/plain', body: REFUSAL }),
    'as a form': answer(401, { type: 'application/x-www-form-urlencoded', body: 'error=invalid_client' }),
    'with a BOM': json(`\ufeff${REFUSAL}`, 401),
  }),
  ...plays('refusal: *', atZitadel('refused'), {
    'two codes, the last one counts': json('{"error":"a","error":"invalid_client"}', 401),
    'with a token beside it': ({ token }) =>
      json(
        `{"error":"invalid_client","access_token":"${token}","token_type":"Bearer","expires_in":60,"active":true}`,
        400,
      ),
  }),
  ...kinds('later: 429 with Retry-After: *', atZitadel('down'), (value) => later(429, value), RETRY_AFTER),
  ...kinds('later: 503 with Retry-After: *', atZitadel('down'), (value) => later(503, value), RETRY_AFTER),
];
