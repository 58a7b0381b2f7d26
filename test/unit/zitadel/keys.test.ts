import { describe, expect, test } from 'vitest';
import { redacted } from '../../../lib/core/redacted.ts';
import { fail, ok } from '../../../lib/core/result.ts';
import { instant } from '../../../lib/core/time.ts';
import type { OAuthRequest } from '../../../lib/oauth/transport.ts';
import {
  buildAddRequest,
  buildListRequest,
  buildRemoveRequest,
  judgeAdd,
  judgeList,
  judgeRemove,
} from '../../../lib/zitadel/keys.ts';
import rotate from '../../recordings/rotate.json' with { type: 'json' };
import variations from '../../recordings/variations.json' with { type: 'json' };

interface Recording {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: string };
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body: unknown };
}
const recordings = [...Object.values(rotate), ...Object.values(variations)].flat() as unknown as Recording[];

function recorded(name: string, nth = 0): Recording {
  const found = recordings.filter((each) => each.name === name)[nth];
  if (found === undefined) throw new Error(`no recording ${name}`);
  return found;
}

const answerOf = (name: string) => {
  const { status, headers, body } = recorded(name).response;
  return ok({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
};

const ISSUER = 'https://example.zitadel.cloud';
const TOKEN = 'token-of-the-account';
const base = { issuer: ISSUER, token: redacted(TOKEN) };
const user = { ...base, holder: { kind: 'user', userId: '400879214816922662' } } as const;
const application = {
  ...base,
  holder: { kind: 'application', applicationId: '400879214431046694', projectId: '400879214330383398' },
} as const;
const REQUEST = buildListRequest(user, 0);

const publicKey = Buffer.from(
  JSON.parse(recorded('rotate: AddKey with an own public key').request.body).publicKey,
  'base64',
).toString();

describe('the requests are those that ZITADEL took', () => {
  test.each<[name: string, request: OAuthRequest]>([
    ['rotate: AddKey with an own public key', buildAddRequest(user, '2030-01-01T00:00:00Z', publicKey)],
    ['rotate: AddKey, ZITADEL makes the key', buildAddRequest(user, '2030-01-01T00:00:00Z')],
    ['rotate: remove an own key', buildRemoveRequest(user, '400879229547318310')],
    ['rotate: CreateApplicationKey', buildAddRequest(application, '2030-01-01T00:00:00Z')],
    ['rotate: DeleteApplicationKey', buildRemoveRequest(application, '400879248472017958')],
  ])('%s', (name, { url, method, body = '', authorization, contentType, secrets }) => {
    const { request } = recorded(name);
    expect([method ?? 'POST', url]).toEqual([request.method, `${ISSUER}${request.path}`]);
    const parse = (text: string): unknown => (text === '' ? '' : JSON.parse(text));
    expect(parse(body)).toEqual(parse(request.body));
    expect([authorization, contentType]).toEqual([`Bearer ${TOKEN}`, body === '' ? undefined : 'application/json']);
    expect(secrets).toEqual([TOKEN]);
  });

  test.each([
    ['of a user', user, '/v2/users/keys/search', { userIdFilter: { id: '400879214816922662' } }],
    [
      'of an application',
      application,
      '/zitadel.application.v2.ApplicationService/ListApplicationKeys',
      { applicationIdFilter: { applicationId: '400879214431046694' } },
    ],
  ])('the list %s, page by page', (_whose, call, path, filter) => {
    const { url, body = '' } = buildListRequest(call, 200);
    expect(url).toBe(`${ISSUER}${path}`);
    expect(JSON.parse(body)).toEqual({ pagination: { offset: 200, limit: 100, asc: true }, filters: [filter] });
  });
});

describe('the list', () => {
  test.each([
    ['rotate: list own keys', '400879214833699878', '2026-11-23T12:57:12.024Z', {}],
    [
      'rotate: ListApplicationKeys',
      '400879214447823910',
      '2026-11-23T12:57:11.767Z',
      { projectId: '400879214330383398' },
    ],
  ])('%s', (name, keyId, created, more) => {
    const createdAt = instant(Date.parse(created));
    const key = { keyId, createdAt, expirationDate: '2030-01-01T00:00:00Z', ...more };
    expect(judgeList(REQUEST, answerOf(name))).toEqual(ok({ keys: [key], total: 1 }));
  });

  test.each([
    ['management: search: keyId unknown', 0],
    // The account may not see them: the total counts them all the same.
    ['management: apps: list by self', 1],
  ])('%s: no keys', (name, total) => {
    expect(judgeList(REQUEST, answerOf(name))).toEqual(ok({ keys: [], total }));
  });

  test.each([
    ['an entry without a date', { result: [{ id: '1', creationDate: '2026-01-01T00:00:00Z' }] }],
    ['an entry that is none', { result: [null] }],
    ['no list', { result: 'x' }],
    ['no total', { pagination: { totalResult: 'x' } }],
  ])('%s: it cannot be used', (_name, body) => {
    const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    expect(judgeList(REQUEST, ok(answer))).toMatchObject({ ok: false, error: { kind: 'unexpected' } });
  });
});

describe('adding', () => {
  test('a public key of our own', () => {
    const added = judgeAdd(REQUEST, answerOf('rotate: AddKey with an own public key'));
    expect(added).toEqual(ok({ keyId: '400879225822776358' }));
  });

  test.each([
    ['rotate: AddKey, ZITADEL makes the key', 'serviceaccount'],
    ['rotate: CreateApplicationKey', 'application'],
  ])('%s', (name, type) => {
    const added = judgeAdd(REQUEST, answerOf(name));
    expect(JSON.parse((added.ok && added.value.content?.reveal()) || '')).toMatchObject({ type });
    expect(JSON.stringify(added)).not.toContain('PRIVATE');
  });
});

describe('removing', () => {
  test.each(['rotate: remove an own key', 'rotate: DeleteApplicationKey', 'management: apps: delete again'])(
    '%s: it is gone',
    (name) => expect(judgeRemove(REQUEST, answerOf(name))).toEqual(ok(undefined)),
  );

  test('a 404 for lack of the right is no success', () => {
    const answer = answerOf('rotate: AddKey for another user');
    expect(judgeRemove(REQUEST, answer)).toEqual(
      fail({ kind: 'refused', detail: 'status 404: membership not found (AUTHZ-cdgFk)' }),
    );
  });
});

test.each([
  ['rotate: AddKey with a token that lacks the ZITADEL audience', 'status 401: Errors.Token.Invalid (AUTH-7fs1e)'],
  ['rotate: AddKey with an expiration date in the past', 'status 400: Errors.AuthNKey.ExpireBeforeNow (DOMAIN-dv3t5)'],
  [
    'rotate: CreateApplicationKey by a service account without the role',
    'status 404: membership not found (AUTHZ-cdgFk)',
  ],
])('%s is refused', (name, detail) => {
  for (const judge of [judgeList, judgeAdd, judgeRemove]) {
    expect(judge(REQUEST, answerOf(name))).toEqual(fail({ kind: 'refused', detail }));
  }
});

const says = (status: number, body: string, type = 'application/json') =>
  ok({ status, headers: { 'content-type': type }, body });

test.each([
  ['no answer', fail({ kind: 'timeout', detail: 'total' } as const), { kind: 'unavailable', detail: 'timeout: total' }],
  ['an outage', says(503, 'away', 'text/plain'), { kind: 'unavailable', detail: 'status 503: away' }],
  ['HTML', says(200, '<html>', 'text/html'), { kind: 'unexpected' }],
  ['another 404', says(404, '404 page not found', 'text/plain'), { kind: 'unexpected' }],
  [
    'a message that repeats the token',
    says(400, `{"message":"bad ${TOKEN}"}`),
    { kind: 'refused', detail: expect.not.stringContaining(TOKEN) },
  ],
])('%s', (_name, result, error) => {
  for (const judge of [judgeList, judgeAdd, judgeRemove]) expect(judge(REQUEST, result)).toMatchObject({ error });
});
