import { answer, say } from '../play.ts';
import { atZitadel, json, type Kind, kind, type Meaning } from './kind.ts';

const body = (error: unknown, description?: unknown): string =>
  JSON.stringify({ error, ...(description === undefined ? {} : { error_description: description }) });

/** Error codes at the token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2, and beyond), and what each means. */
const AT_TOKEN: Readonly<Record<string, Meaning>> = {
  invalid_request: 'nonsense',
  invalid_client: 'refused',
  invalid_grant: 'refused',
  unauthorized_client: 'refused',
  access_denied: 'refused',
  unsupported_grant_type: 'nonsense',
  invalid_scope: 'scope_refused',
  invalid_target: 'target_refused',
  server_error: 'down',
  temporarily_unavailable: 'down',
  unsupported_token_type: 'nonsense',
  invalid_token: 'nonsense',
  invalid_dpop_proof: 'nonsense',
  login_required: 'nonsense',
  slow_down: 'nonsense',
  no_such_error: 'nonsense',
  Invalid_Client: 'nonsense',
  'invalid_client ': 'nonsense',
  __proto__: 'nonsense',
  '': 'nonsense',
};

/** At introspection and revocation only the client can be refused. */
const elsewhere = (error: string): Meaning =>
  error === 'invalid_client' || error === 'unauthorized_client' ? 'refused' : 'nonsense';

const codes = Object.entries(AT_TOKEN).flatMap(([error, token]) => {
  const means = { token, introspection: elsewhere(error), revocation: elsewhere(error) };
  return [400, 401, 403].map((status) => kind(`refusal: ${status} ${error}`, means, json(body(error), status)));
});

/** ZITADEL's own texts decide where its codes do not. */
const TEXTS: readonly (readonly [error: string, description: string, means: Meaning])[] = [
  ['invalid_request', 'Errors.User.Machine.Secret.Invalid', 'refused'],
  ['invalid_request', 'Errors.User.NotFound', 'refused'],
  ['invalid_request', 'Errors.User.Locked', 'refused'],
  ['invalid_grant', 'invalid assertion', 'refused'],
  ['invalid_client', 'no active client not found', 'refused'],
  ['invalid_request', 'subject_token is invalid', 'subject_refused'],
  ['invalid_grant', 'subject_token is invalid', 'subject_refused'],
  ['invalid_client', 'subject_token is invalid', 'subject_refused'],
  ['invalid_request', 'actor_token is invalid', 'subject_refused'],
  ['invalid_request', 'xsubject_tokenx is invalid', 'nonsense'],
  ['invalid_request', 'Errors.TokenExchange.Token.TypeNotSupported', 'type_refused'],
  ['invalid_request', 'Errors.TokenExchange.Impersonation.NotAllowed', 'impersonation_refused'],
  ['access_denied', 'Errors.TokenExchange.Impersonation.PolicyDisabled', 'impersonation_refused'],
  ['access_denied', 'membership not found', 'impersonation_refused'],
];
const texts = TEXTS.map(([error, description, token]) =>
  kind(`refusal: ${error} "${description}"`, { token }, json(body(error, description), 400)),
);

const FOREIGN = 'token was not issued for this client';
const foreign: readonly Kind[] = [
  kind(
    'refusal: the token of another client',
    { revocation: 'foreign_token' },
    json(body('invalid_client', FOREIGN), 400),
  ),
  kind('refusal: 401, the token of another client', { revocation: 'foreign_token' }, json(body('a', FOREIGN), 401)),
  kind(
    'refusal: the token of another client, nearly',
    { revocation: 'refused' },
    json(body('invalid_client', `${FOREIGN}.`), 400),
  ),
];

/** Members `error` that are no code: then the answer is no refusal. */
const NO_CODES: Readonly<Record<string, string>> = {
  'a number': '{"error":400}',
  null: '{"error":null}',
  'an array': '{"error":["invalid_client"]}',
  'an object': '{"error":{"code":"invalid_client"}}',
  'in another place': '{"errors":[{"error":"invalid_client"}]}',
  "gRPC's": '{"code":16,"message":"Errors.Token.Invalid","details":[]}',
  'in a prototype': '{"__proto__":{"error":"invalid_client"}}',
};
const noCodes = Object.entries(NO_CODES).map(([name, text]) =>
  kind(`refusal: an error that is ${name}`, atZitadel('nonsense'), json(text, 400)),
);

/** Descriptions that are no text, or no text for a log. */
const DESCRIPTIONS: Readonly<Record<string, unknown>> = {
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
const descriptions = Object.entries(DESCRIPTIONS).map(([name, description]) =>
  kind(`refusal: a description ${name}`, atZitadel('refused'), json(body('invalid_client', description), 401)),
);

/** The same refusal in other clothes. */
const REFUSAL = body('invalid_client', 'no');
const clothes: readonly Kind[] = [
  ...[404, 405, 410, 418, 422, 451, 499].map((status) =>
    kind(`refusal: invalid_client with ${status}`, atZitadel('refused'), json(REFUSAL, status)),
  ),
  ...[408, 429, 500, 502, 503, 504, 599].map((status) =>
    kind(`refusal: invalid_client with ${status}`, atZitadel('down'), json(REFUSAL, status)),
  ),
  ...[201, 202, 206, 300, 302, 304, 307].map((status) =>
    kind(`refusal: invalid_client with ${status}`, atZitadel('nonsense'), json(status === 304 ? '' : REFUSAL, status)),
  ),
  kind(
    'refusal: invalid_client with 200',
    { token: 'nonsense', introspection: 'nonsense', revocation: 'answer' },
    json(REFUSAL),
  ),
  kind('refusal: as text', atZitadel('nonsense'), () => [say(answer(401, { type: 'text/plain', body: REFUSAL }))]),
  kind('refusal: as a form', atZitadel('nonsense'), () => [
    say(answer(401, { type: 'application/x-www-form-urlencoded', body: 'error=invalid_client' })),
  ]),
  kind('refusal: with a BOM', atZitadel('nonsense'), json(`\ufeff${REFUSAL}`, 401)),
  kind(
    'refusal: two codes, the last one counts',
    atZitadel('refused'),
    json('{"error":"a","error":"invalid_client"}', 401),
  ),
  kind('refusal: with a token beside it', atZitadel('refused'), ({ token }) => [
    say(
      answer(400, {
        type: 'application/json',
        body: `{"error":"invalid_client","access_token":"${token}","token_type":"Bearer","expires_in":60,"active":true}`,
      }),
    ),
  ]),
];

/** What "later" is in `Retry-After`: to callers it is between 1 and 30 s, whatever comes. */
const RETRY_AFTER = [
  '0',
  '1',
  '7',
  '30',
  '31',
  '3600',
  '2147483648',
  '99999999999999999999',
  '-1',
  '1.5',
  '1e9',
  '1e300',
  '0x10',
  'NaN',
  'Infinity',
  '',
  'soon',
  '5, 6',
  '5;6',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'Fri, 31 Dec 9999 23:59:59 GMT',
];
const later = [429, 503].flatMap((status) =>
  RETRY_AFTER.map((value) =>
    kind(
      `later: ${status} with Retry-After: ${value}`,
      atZitadel('down'),
      json('{}', status, [`Retry-After: ${value}`]),
    ),
  ),
);

export const refusalKinds: readonly Kind[] = [
  ...codes,
  ...texts,
  ...foreign,
  ...noCodes,
  ...descriptions,
  ...clothes,
  ...later,
];
