import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BrokerError } from '../../../lib/core/error.ts';
import { answerBug, answerError, answerJson } from '../../../lib/http/answer.ts';
import {
  LARGEST_FORM_BYTES,
  readFormBody,
  readGatewayRequest,
  requestId,
  traceRoot,
} from '../../../lib/http/gateway-request.ts';
import { identify } from '../../../lib/http/identity.ts';

const ROUTE = '/oauth/v2/token';
const ARN = 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc';
const ID = 'AROAEXAMPLEEXAMPLE000:i-0abc';

const v2 = (iam: object | undefined = {}) => ({
  version: '2.0',
  requestContext: {
    authorizer: { iam: iam && { accountId: '123456789012', userArn: ARN, callerId: ID, userId: ID, ...iam } },
  },
});
const v1 = (identity: object = {}) => ({
  requestContext: { identity: { accountId: '123456789012', userArn: ARN, caller: ID, user: ID, ...identity } },
});

describe('the caller', () => {
  const role = { kind: 'iam_role', partition: 'aws', account: '123456789012', role: 'orders-service' };
  test.each([
    ['an HTTP API', v2(), role],
    ['a REST API', v1(), role],
    ['an HTTP API with payload 1.0', { version: '1.0', ...v1() }, role],
    [
      'another partition and a name with all that IAM allows',
      v2({ userArn: 'arn:aws-us-gov:sts::123456789012:assumed-role/a_b+c=d,e.f@g-h/i-0abc' }),
      { ...role, partition: 'aws-us-gov', role: 'a_b+c=d,e.f@g-h' },
    ],
  ])('of %s', (_name, event, principal) => expect(identify(event)).toEqual({ ok: true, value: principal }));

  const hostile: [name: string, userArn: unknown][] = [
    ['none', undefined],
    ['null', null],
    ['a number', 7],
    ['a list with a good one', [ARN]],
    ['an IAM user', 'arn:aws:iam::123456789012:user/me'],
    ['root', 'arn:aws:iam::123456789012:root'],
    ['a federated user', 'arn:aws:sts::123456789012:federated-user/me'],
    ['a role that nobody has assumed', 'arn:aws:iam::123456789012:role/orders-service'],
    ['a line break', `${ARN}\n`],
    ['something before', ` ${ARN}`],
    ['a slash too many', 'arn:aws:sts::123456789012:assumed-role/orders-service/x/i-0abc'],
    ['a path', 'arn:aws:sts::123456789012:assumed-role/team/orders-service/i-0abc'],
    ['no session', 'arn:aws:sts::123456789012:assumed-role/orders-service/'],
    ['11 digits', 'arn:aws:sts::12345678901:assumed-role/orders-service/i-0abc'],
    ['another service', 'arn:aws:iam::123456789012:assumed-role/orders-service/i-0abc'],
    ['another partition-like word', 'arn:evil:sts::123456789012:assumed-role/orders-service/i-0abc'],
    ['a name of 65 characters', `arn:aws:sts::123456789012:assumed-role/${'a'.repeat(65)}/i-0abc`],
  ];
  test.each(hostile)('an ARN that is %s is refused', (_name, userArn) => {
    const detail =
      typeof userArn === 'string'
        ? 'the caller is not an assumed IAM role'
        : 'the event contains no IAM identity: does the route use IAM authorization?';
    for (const event of [v2({ userArn }), v1({ userArn })]) {
      expect(identify(event)).toEqual({ ok: false, error: { kind: 'untrusted_caller', detail } });
    }
  });

  const ACCOUNT = "the account of the ARN is not the caller's account";
  const LIST = [ID];
  const SESSION = "the session of the ARN is not the caller id's";
  test.each<[name: string, accountId: unknown, callerId: unknown, userId: unknown, detail: string]>([
    ['another account', '210987654321', ID, ID, ACCOUNT],
    ['no account', undefined, ID, ID, ACCOUNT],
    ['an account in digits', 123_456_789_012, ID, ID, ACCOUNT],
    ['the session of another', '123456789012', 'AROA0:other', 'AROA0:other', SESSION],
    ['no caller id', '123456789012', undefined, ID, SESSION],
    ['a caller id without a session', '123456789012', 'AROA0', 'AROA0', SESSION],
    ['a caller id in a list', '123456789012', LIST, LIST, SESSION],
    ['something before the caller id', '123456789012', ` ${ID}`, ` ${ID}`, SESSION],
    ['something after the caller id', '123456789012', `${ID}:x`, `${ID}:x`, SESSION],
    ['another user id', '123456789012', ID, 'AROA0:i-0abc', 'user id and caller id differ'],
  ])('%s is refused', (_name, accountId, callerId, userId, detail) => {
    for (const event of [v2({ accountId, callerId, userId }), v1({ accountId, caller: callerId, user: userId })]) {
      expect(identify(event)).toEqual({ ok: false, error: { kind: 'untrusted_caller', detail } });
    }
  });

  test('a role of another account comes through a REST API as itself', () => {
    // `requestContext.accountId` is the account of the API; `identity.accountId` is the caller's.
    const userArn = 'arn:aws:sts::210987654321:assumed-role/orders-service/i-0abc';
    const event = v1({ userArn, accountId: '210987654321' });
    const requestContext = { ...event.requestContext, accountId: '123456789012' };
    expect(identify({ ...event, requestContext })).toEqual({
      ok: true,
      value: { kind: 'iam_role', partition: 'aws', account: '210987654321', role: 'orders-service' },
    });
  });

  test('what a caller sends is not looked at', () => {
    const sent = {
      headers: { 'x-amzn-iam-arn': ARN },
      body: JSON.stringify(v2()),
      queryStringParameters: { userArn: ARN },
    };
    expect(identify({ version: '2.0', requestContext: { identity: v1().requestContext.identity }, ...sent }).ok).toBe(
      false,
    );
    expect(identify({ requestContext: { authorizer: v2().requestContext.authorizer }, ...sent }).ok).toBe(false);
    expect(identify({ ...v2(undefined), ...sent, requestContext: { authorizer: {} } }).ok).toBe(false);
  });

  test('no event of any shape throws, and none passes by chance', () => {
    const shapes = fc.oneof(
      fc.anything(),
      fc.record({ version: fc.constantFrom('1.0', '2.0', 2, undefined), requestContext: fc.anything() }),
      fc.record({
        version: fc.constant('2.0'),
        requestContext: fc.record({ authorizer: fc.record({ iam: fc.anything() }) }),
      }),
      fc.record({
        requestContext: fc.record({
          identity: fc.dictionary(fc.constantFrom('userArn', 'accountId', 'caller', 'user'), fc.anything()),
        }),
      }),
    );
    fc.assert(
      fc.property(shapes, (event) => {
        expect(identify(event).ok).toBe(false);
        expect(typeof readGatewayRequest(event, ROUTE).profile).toBe('string');
        expect(typeof requestId(event)).toBe('string');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the profile in the path', () => {
  test.each([
    ['a path parameter', { pathParameters: { profile: 'orders' }, rawPath: '/x/other/oauth/v2/token' }, 'orders'],
    ['no parameter: the path', { rawPath: '/orders/oauth/v2/token' }, 'orders'],
    ['… under a stage', { rawPath: '/dev/orders/oauth/v2/token' }, 'orders'],
    ['… of a REST API', { path: '/base/orders/oauth/v2/token' }, 'orders'],
    ['… twice', { rawPath: '/a/oauth/v2/token/b/oauth/v2/token' }, 'b'],
    ['another path', { rawPath: '/orders/oauth/v2/keys' }, ''],
    ['none', {}, ''],
    ['of another type', { pathParameters: { profile: ['orders'] }, rawPath: 7 }, ''],
  ])('%s', (_name, event, profile) => expect(readGatewayRequest(event, ROUTE).profile).toBe(profile));
});

test.each([
  ['a-Z_0=+/.', true],
  ['a'.repeat(128), true],
  ['a'.repeat(129), false],
  [' a', false],
  ['a\n', false],
  ['', false],
  [7, false],
])('%j names a request: %s', (id, expected) => {
  expect(requestId({ requestContext: { requestId: id } })).toBe(expected ? id : '');
});

test.each([[null], ['event'], [{}], [{ headers: null, body: 7, isBase64Encoded: 'true' }]])(
  'an event of %j',
  (event) => {
    const nothing = { profile: '', contentType: '', body: '', isBase64Encoded: false };
    expect(readGatewayRequest(event, ROUTE)).toEqual(nothing);
  },
);

describe('the body', () => {
  const form = 'application/x-www-form-urlencoded';
  const read = (
    body: unknown,
    { contentType = form, isBase64Encoded = false as unknown, header = 'content-type' } = {},
  ) => {
    const request = readGatewayRequest({ headers: { [header]: contentType }, body, isBase64Encoded }, ROUTE);
    const result = readFormBody(request, LARGEST_FORM_BYTES);
    return result.ok ? result.value : `${result.error.kind}: ${result.error.detail}`;
  };
  const NO_FORM = 'invalid_request: the content type must be application/x-www-form-urlencoded';
  const TOO_LARGE = 'invalid_request: the body is larger than 4 kB';
  const largest = 'a'.repeat(LARGEST_FORM_BYTES);
  test.each([
    ['plain', read('a=1'), 'a=1'],
    ['in base64', read(Buffer.from('a=ü').toString('base64'), { isBase64Encoded: true }), 'a=ü'],
    ['with a charset', read('a=1', { contentType: 'Application/X-WWW-Form-URLencoded; charset=utf-8' }), 'a=1'],
    ['with a space after the type', read('a=1', { contentType: `${form} ;charset=utf-8` }), 'a=1'],
    ['with a header in other letters', read('a=1', { header: 'Content-Type' }), 'a=1'],
    ['absent', read(undefined), ''],
    ['as large as may be', read(largest), largest],
    ['… in base64', read(Buffer.from(largest).toString('base64'), { isBase64Encoded: true }), largest],
    ['a byte too large', read(`${largest}a`), TOO_LARGE],
    ['a character too large', read(`${largest.slice(1)}ü`), TOO_LARGE],
    ['too large in base64', read(Buffer.from(`${largest}a`).toString('base64'), { isBase64Encoded: true }), TOO_LARGE],
    ['JSON', read('{}', { contentType: 'application/json' }), NO_FORM],
    ['a form with files', read('a=1', { contentType: 'multipart/form-data' }), NO_FORM],
    ['no content type', read('a=1', { contentType: '' }), NO_FORM],
    [
      'bytes that are no UTF-8',
      read(Buffer.from([0xff]).toString('base64'), { isBase64Encoded: true }),
      'invalid_request: the body is not UTF-8',
    ],
  ])('%s', (_name, actual, expected) => expect(actual).toBe(expected));
});

describe('failures as HTTP', () => {
  const detail = 'a detail for the log';
  test.each<[BrokerError, number, string]>([
    [{ kind: 'invalid_request', detail }, 400, 'invalid_request'],
    [{ kind: 'unsupported_grant_type', detail }, 400, 'unsupported_grant_type'],
    [{ kind: 'unsupported_token_type', detail }, 400, 'unsupported_token_type'],
    [{ kind: 'invalid_scope', detail }, 400, 'invalid_scope'],
    [{ kind: 'invalid_target', detail }, 400, 'invalid_target'],
    [{ kind: 'invalid_grant', detail }, 400, 'invalid_grant'],
    [{ kind: 'untrusted_caller', detail }, 401, 'invalid_client'],
    [{ kind: 'caller_throttled', detail, retryAfterMs: 2_001 }, 429, 'temporarily_unavailable'],
    [{ kind: 'not_allowed', detail }, 403, 'unauthorized_client'],
    [{ kind: 'credential_unusable', detail }, 502, 'server_error'],
    [{ kind: 'credential_refused', detail }, 502, 'server_error'],
    [{ kind: 'unexpected_answer', detail }, 502, 'server_error'],
    [{ kind: 'unavailable', dependency: 'zitadel', detail, retryAfterMs: 1_001 }, 503, 'temporarily_unavailable'],
    [{ kind: 'out_of_time', detail, retryAfterMs: 0 }, 503, 'temporarily_unavailable'],
  ])('%o: %i %s', (error, status, code) => {
    const answer = answerError(error, 'r1');
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
    });
    const body = JSON.parse(answer.body);
    expect(body).toEqual({ error: code, error_description: expect.any(String), request_id: 'r1' });
    // RFC 6749 §5.2: error_description is %x20-21 / %x23-5B / %x5D-7E.
    expect(body.error_description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
    expect(body.error_description === detail).toBe(status === 400);
    const retryAfter = { unavailable: '2', out_of_time: '1', caller_throttled: '3' }[error.kind as string];
    expect(answer.headers['retry-after']).toBe(retryAfter);
    expect('www-authenticate' in answer.headers).toBe(status === 401);
    if (status === 401) expect(answer.headers['www-authenticate']).toBe('AWS4-HMAC-SHA256');
  });

  test('a bug tells nothing but where to look', () => {
    const { statusCode, body } = answerBug('r1');
    const told = { error: 'server_error', error_description: 'an internal error of the broker', request_id: 'r1' };
    expect({ statusCode, body: JSON.parse(body) }).toEqual({ statusCode: 500, body: told });
    expect(answerJson(200, {}).headers).toMatchObject({ 'cache-control': 'no-store' });
  });
});

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';

test.each([
  [`Root=${ROOT}`, ROOT],
  [`Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`, ROOT],
  [`Self=1-67891234-12456789abcdef012345678;Root=${ROOT}`, ROOT],
  [`Sampled=0; Root=${ROOT}`, ROOT],
  [`Root=${ROOT}0`, ''],
  [`Root=${ROOT}","level":"error`, ''],
  [`NoRoot=${ROOT}`, ''],
  [`Root=${ROOT.toUpperCase()}`, ''],
  ['Root=1-canary', ''],
  ['', ''],
])('the root of the trace %j is %j', (value, root) => {
  expect(traceRoot({ headers: { 'x-amzn-trace-id': value } })).toBe(root);
  expect(traceRoot({ headers: { 'X-Amzn-Trace-Id': value } })).toBe(root);
});

test.each([undefined, null, {}, { headers: null }, { headers: { 'x-amzn-trace-id': [`Root=${ROOT}`] } }])(
  'in %o there is no trace',
  (event) => expect(traceRoot(event)).toBe(''),
);
