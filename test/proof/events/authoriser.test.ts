import { describe, expect, test } from 'vitest';
import { admit, nameInPath, provenRole } from './authoriser.ts';
import { readForm } from './prediction.ts';
import { ROUTES } from './setting.ts';

/** The second authoriser, compared with decisions that were written down by hand. */

const ARN = 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc';
const ID = 'AROAEXAMPLE:i-0abc';
const CLAIMS = { userArn: ARN, accountId: '123456789012' };
const ROLE = { partition: 'aws', account: '123456789012', name: 'orders-service' };

const v2 = (changes: object = {}, profile: unknown = 'orders') => ({
  version: '2.0',
  pathParameters: { profile },
  requestContext: { authorizer: { iam: { ...CLAIMS, callerId: ID, userId: ID, ...changes } } },
});
const v1 = { requestContext: { identity: { ...CLAIMS, caller: ID, user: ID } } };
const withArn = (from: string, to: string, changes: object = {}) => v2({ userArn: ARN.replace(from, to), ...changes });
const withId = (id: string) => ({ callerId: id, userId: id });

describe('the role that an event proves', () => {
  test.each([v2(), v1, { version: '1.0', ...v1 }])('%j', (event) => expect(provenRole(event)).toEqual(ROLE));

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', [v2()]],
    ['the format of another', { ...v2(), version: '1.0' }],
    ['a user', v2({ userArn: 'arn:aws:iam::123456789012:user/orders-service' })],
    ['a path', withArn('assumed-role/', 'assumed-role/team/')],
    ['a partition that is none', withArn('aws', 'aws-')],
    ['another account', v2({ accountId: '210987654321' })],
    ['another session', v2(withId('AROAEXAMPLE:i-0def'))],
    ['another user', v2({ userId: 'AROAOTHER:i-0abc' })],
    ['a line break', v2({ userArn: `${ARN}\n` })],
    ['a name too long', withArn('orders-service', 'x'.repeat(65))],
    ['a session too short', withArn('i-0abc', 'i', withId('AROAEXAMPLE:i'))],
    ['inherited claims', { version: '2.0', requestContext: { authorizer: { iam: Object.create({ userArn: ARN }) } } }],
  ])('none: %s', (_what, event) => expect(provenRole(event)).toBeUndefined());
});

describe('who is let in', () => {
  const role = 'arn:aws:iam::123456789012:role';
  const profiles = {
    orders: { callers: [`${role}/orders-*`] },
    exact: { callers: [`${role}/orders-service`] },
    shorter: { callers: [`${role}/orders`] },
    elsewhere: {
      callers: ['arn:aws-cn:iam::123456789012:role/orders-service', 'arn:aws:iam::210987654321:role/orders-service'],
    },
    nobody: {},
  };
  const refused = ['shorter', 'elsewhere', 'nobody', 'unknown', 'constructor', '__proto__', 'Orders'];
  test.each<[string, boolean]>([
    ['orders', true],
    ['exact', true],
    ...refused.map((name): [string, boolean] => [name, false]),
  ])('to %s: %s', (profile, isAdmitted) => {
    const admission = admit({ profiles }, v2({}, profile), ROUTES.token);
    expect(admission).toMatchObject(isAdmitted ? { admitted: true, name: profile } : { admitted: false, status: 403 });
  });

  test('identity comes before the profile', () => {
    expect(admit({ profiles }, v2({ userArn: 'x' }, 'unknown'), ROUTES.token)).toMatchObject({ status: 401 });
  });
});

test.each<[unknown, string]>([
  [{ pathParameters: { profile: 'a' }, rawPath: '/b/oauth/v2/token' }, 'a'],
  [{ rawPath: '/dev/b/oauth/v2/token' }, 'b'],
  [{ path: '/b/oauth/v2/token' }, 'b'],
  [{ pathParameters: { profile: ['a'] }, path: '/b/oauth/v2/revoke' }, ''],
  [null, ''],
])('the profile in %j is "%s"', (event, name) => expect(nameInPath(event, ROUTES.token)).toBe(name));

describe('a form', () => {
  const read = (body: string, contentType: unknown = 'application/x-www-form-urlencoded') => {
    const form = readForm({ headers: { 'Content-Type': contentType }, body });
    return form && Object.fromEntries(form.parameters);
  };
  test.each([
    ['a=1&b=2+3&c=%C3%BC', { a: '1', b: '2 3', c: 'ü' }],
    ['a=&b', {}],
    ['&&a==1&', { a: '=1' }],
    ['a=ü%20', { a: 'ü ' }],
    ['\ufeffa=1', { '\ufeffa': '1' }],
    ['', {}],
  ])('%j', (body, parameters) => expect(read(body)).toEqual(parameters));

  const UNREADABLE = ['a=1&a=2', 'a=&a=1', 'a=%', 'a=%4', 'a=%1 ', 'a=%+1', 'a=%ff', 'a=%ed%a0%80', '%c3=1'];
  test.each([...UNREADABLE, `a=${'x'.repeat(102_399)}`])('that cannot be read: %j', (body) =>
    expect(read(body)).toBeUndefined(),
  );

  test.each([undefined, ['application/x-www-form-urlencoded'], 'application/json', 'x-www-form-urlencoded'])(
    'called %j is none',
    (contentType) => expect(read('a=1', contentType ?? null)).toBeUndefined(),
  );
});
