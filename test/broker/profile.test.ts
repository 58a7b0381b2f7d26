import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import schema from '../../infra/profiles.schema.json' with { type: 'json' };
import { parseProfiles } from '../../lib/broker/profile.ts';

const matchesSchema = new Ajv({ allErrors: true, strict: false }).compile(schema);
const ROLE = 'arn:aws:iam::123456789012:role/orders-service';
const GOOD = { issuer: 'https://example.zitadel.cloud', secret: 'zitadel/orders', scopes: ['a', 'b'], callers: [ROLE] };
const AUDIENCE = 'urn:zitadel:iam:org:project:id:1:aud';
const AIMED = { scopes: [AUDIENCE] };

const parseOne = (profile: unknown, name = 'orders') =>
  parseProfiles({ profiles: { [name]: profile } }, { allowLoopbackHttp: false });

describe('a profile that is fit for use', () => {
  test.each([
    ['with what it needs', GOOD],
    ['with a port', { ...GOOD, issuer: 'https://zitadel.example:8443' }],
    [
      'with the ARN of a secret',
      { ...GOOD, secret: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/orders-a1B2c3' },
    ],
    ['with a beginning of role names', { ...GOOD, callers: ['arn:aws-us-gov:iam::123456789012:role/orders-*'] }],
    ['without scopes', { ...GOOD, scopes: undefined }],
    [
      'with every setting',
      { ...GOOD, grant: 'client_credentials', prewarm: true, minValiditySeconds: 5, maxAgeSeconds: 20 },
    ],
  ])('%s', (_name, profile) => {
    const document = JSON.parse(JSON.stringify({ profiles: { orders: profile } }));
    expect(parseProfiles(document, { allowLoopbackHttp: false })).toMatchObject({ ok: true });
    expect(matchesSchema(document)).toBe(true);
  });

  test('is read into milliseconds, defaults and sorted scopes', () => {
    const profiles = parseOne({ ...GOOD, scopes: ['b', 'a'], maxAgeSeconds: 3600 });
    expect(profiles.ok && profiles.value.get('orders')).toEqual({
      name: 'orders',
      issuer: GOOD.issuer,
      secret: GOOD.secret,
      scopes: ['a', 'b'],
      callers: [{ partition: 'aws', account: '123456789012', role: 'orders-service', isPrefix: false }],
      prewarm: false,
      introspectionCacheMs: 0,
      minValidityMs: 60_000,
      maxAgeMs: 3_600_000,
    });
  });

  test('the shipped profiles are, and show each kind once', () => {
    const document = parse(readFileSync(join(import.meta.dirname, '../../infra/profiles.yml'), 'utf8'));
    const profiles = parseProfiles(document, { allowLoopbackHttp: false });
    expect(profiles.ok && [...profiles.value.keys()]).toEqual(['orders', 'reports', 'billing', 'shipping', 'portal']);
    expect(matchesSchema(document)).toBe(true);
  });
});

describe('faults that a schema can see', () => {
  test.each([
    ['no issuer', { issuer: undefined }, 'issuer', /^is missing; it must be a URL/],
    ['an issuer that is no URL', { issuer: 'zitadel' }, 'issuer', /must be a URL/],
    ['plain HTTP', { issuer: 'http://zitadel.example' }, 'issuer', /must begin with https/],
    [
      'a trailing slash',
      { issuer: 'https://zitadel.example/' },
      'issuer',
      /the origin alone: https:\/\/zitadel\.example$/,
    ],
    ['a path', { issuer: 'https://zitadel.example/oauth' }, 'issuer', /the origin alone/],
    ['user and password', { issuer: 'https://a:b@zitadel.example' }, 'issuer', /the origin alone/],
    ['no secret', { secret: undefined }, 'secret', /^is missing/],
    ['a secret name with a space', { secret: 'a b' }, 'secret', /must be the name of a secret/],
    [
      'an ARN without its end',
      { secret: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders' },
      'secret',
      /six characters/,
    ],
    ['scopes that are no list', { scopes: 'a b' }, 'scopes', /must be a list/],
    ['two scopes in one', { scopes: ['a b'] }, 'scopes.0', /must be one scope/],
    ['a scope twice', { scopes: ['a', 'a'] }, 'scopes.1', /is listed twice/],
    [
      "ZITADEL's own API",
      { scopes: ['urn:zitadel:iam:org:project:id:zitadel:aud'] },
      'scopes.0',
      /never handed to callers/,
    ],
    ['a caller that is no role', { callers: ['arn:aws:iam::123456789012:user/me'] }, 'callers.0', /ARN of an IAM role/],
    [
      "a role's path",
      { callers: ['arn:aws:iam::123456789012:role/team/orders'] },
      'callers.0',
      /must not hold the role's path.*role\/orders$/,
    ],
    ['* in the middle', { callers: ['arn:aws:iam::123456789012:role/or*rs'] }, 'callers.0', /only at the end/],
    ['* alone', { callers: ['arn:aws:iam::123456789012:role/*'] }, 'callers.0', /at least the beginning/],
    ['any account', { callers: ['arn:aws:iam::*:role/orders'] }, 'callers.0', /ARN of an IAM role/],
    [
      'an unknown grant',
      { grant: 'password' },
      'grant',
      /must be one of client_credentials, jwt-bearer, token-exchange/,
    ],
    ['introspection by nothing', { introspection: '' }, 'introspection', /must be the name of a secret/],
    ['too long a cache', { introspectionCacheSeconds: 61 }, 'introspectionCacheSeconds', /from 0 to 60/],
    ['revocation by nothing', { revocation: 7 }, 'revocation', /must be the name of a secret/],
    ['revocation by nobody', { revocation: 'app' }, 'revocation', /names nobody who may revoke: write \{ secret: app/],
    [
      'revocation by nobody, in a mapping',
      { revocation: { secret: 'app' } },
      'revocation.callers',
      /names nobody who may revoke/,
    ],
    [
      "an audience that opens ZITADEL's own API",
      { ...AIMED, exchange: { audiences: ['zitadel'] } },
      'exchange.audiences.0',
      /opens ZITADEL's own API/,
    ],
    ['an exchange that is a switch', { ...AIMED, exchange: true }, 'exchange', /must be a mapping/],
    [
      'an exchange of anything',
      { ...AIMED, exchange: { subjectTokenTypes: ['saml2'] } },
      'exchange.subjectTokenTypes.0',
      /must be one of access_token/,
    ],
    [
      'an exchange for a refresh token',
      { ...AIMED, exchange: { requestedTokenTypes: ['refresh_token'] } },
      'exchange.requestedTokenTypes.0',
      /must be one of/,
    ],
    ['an audience that is none', { ...AIMED, exchange: { audiences: [''] } }, 'exchange.audiences.0', /must be a text/],
    [
      'impersonation in words',
      { ...AIMED, exchange: { impersonation: 'yes' } },
      'exchange.impersonation',
      /must be true or false/,
    ],
    ['a misspelt rule', { ...AIMED, exchange: { audience: ['x'] } }, 'exchange.audience', /is no field here/],
    ['prewarm in words', { prewarm: 'yes' }, 'prewarm', /must be true or false/],
    ['too small a validity', { minValiditySeconds: 4 }, 'minValiditySeconds', /from 5 to 3600/],
    ['half a second', { minValiditySeconds: 60.5 }, 'minValiditySeconds', /whole number/],
    ['too great an age', { maxAgeSeconds: 2_592_001 }, 'maxAgeSeconds', /from 20 to 2592000/],
    ['a misspelt field', { minvalidity: 60 }, 'minvalidity', /is no field here; known are issuer/],
  ])('%s', (_name, change, field, problem) => {
    const profile = JSON.parse(JSON.stringify({ ...GOOD, ...change }));
    const result = parseOne(profile);
    expect(result).toEqual({
      ok: false,
      error: [{ path: expect.anything(), problem: expect.stringMatching(problem) }],
    });
    expect(!result.ok && result.error[0]?.path.join('.')).toBe(`profiles.orders.${field}`);
    // Three issuers only a parser of URLs can tell.
    if (!/trailing slash|password/.test(_name)) expect(matchesSchema({ profiles: { orders: profile } })).toBe(false);
  });

  test.each([
    ['nothing', null],
    ['a list', []],
    ['no profiles', {}],
    ['profiles that are a list', { profiles: [] }],
    ['no profile', { profiles: {} }],
    ['a profile that is a text', { profiles: { orders: 'x' } }],
    ['a name in capitals', { profiles: { Orders: GOOD } }],
    ['another member', { profiles: { orders: GOOD }, more: 1 }],
  ])('%s', (_name, document) => {
    expect(parseProfiles(document, { allowLoopbackHttp: false }).ok).toBe(false);
    expect(matchesSchema(document)).toBe(false);
  });
});

describe('faults among profiles', () => {
  const subject = { ...GOOD, scopes: [AUDIENCE] };
  const other = { ...GOOD, secret: 'zitadel/billing', scopes: undefined };
  const faults = (profiles: Record<string, object>) => {
    const result = parseProfiles({ profiles: JSON.parse(JSON.stringify(profiles)) }, { allowLoopbackHttp: false });
    return result.ok ? [] : result.error.map(({ path, problem }) => `${path.join('.')} ${problem}`);
  };

  test('a subject that asks for an audience is fit to be exchanged, callers or not', () => {
    expect(faults({ orders: { ...subject, callers: undefined }, billing: { ...other, subject: 'orders' } })).toEqual(
      [],
    );
  });

  test.each([
    [
      'an unknown subject',
      { billing: { ...other, subject: 'nobody' } },
      /^profiles\.billing\.subject names no profile; there are billing$/,
    ],
    ['itself', { billing: { ...subject, subject: 'billing' } }, /^profiles\.billing\.subject leads back/],
    [
      'another issuer',
      { orders: { ...subject, issuer: 'https://other.example' }, billing: { ...other, subject: 'orders' } },
      /billing\.subject has another issuer/,
    ],
    [
      'a subject without an audience',
      { orders: GOOD, billing: { ...other, subject: 'orders' } },
      /billing\.subject orders asks for no audience/,
    ],
    [
      'a grant that does not exchange',
      { orders: subject, billing: { ...other, subject: 'orders', grant: 'jwt-bearer' } },
      /billing\.grant does not go with subject/,
    ],
    ['an exchange of nothing', { billing: { ...other, grant: 'token-exchange' } }, /billing\.subject is missing/],
    [
      'an exchange without scopes',
      { orders: { ...GOOD, scopes: [], exchange: {} } },
      /orders\.scopes is missing: without scopes/,
    ],
    [
      'an exchange that is prewarmed',
      { orders: { ...subject, exchange: {}, prewarm: true } },
      /orders\.prewarm must be false/,
    ],
    [
      'users without an actor',
      { orders: { ...subject, exchange: { subjectTokenTypes: ['user_id'] } } },
      /orders\.exchange\.impersonation must be true/,
    ],
    [
      'an exchanged token that cannot be revoked',
      { orders: subject, billing: { ...other, subject: 'orders', revocation: { secret: 'x', callers: [] } } },
      /billing\.revocation needs the same revocation in orders/,
    ],
    ['nobody', { orders: { ...GOOD, callers: [] } }, /orders\.callers is missing: nobody could use/],
  ])('%s', (_name, profiles, problem) => {
    expect(faults(profiles)).toEqual([expect.stringMatching(problem)]);
  });

  test('a circle of three is found in each of them', () => {
    const circle = {
      a: { ...subject, subject: 'b' },
      b: { ...subject, subject: 'c' },
      c: { ...subject, subject: 'a' },
    };
    expect(faults(circle)).toHaveLength(3);
  });

  test('all are reported at once', () => {
    expect(
      faults({
        orders: { ...GOOD, issuer: 'x', secret: '', prewarm: 1 },
        billing: { ...other, grant: 'x', callers: ['y'] },
      }),
    ).toHaveLength(5);
  });
});

describe('http issuers', () => {
  const local = { profiles: { orders: { ...GOOD, issuer: 'http://127.0.0.1:8080' } } };
  test('on loopback, in the local stack only', () => {
    expect(parseProfiles(local, { allowLoopbackHttp: true }).ok).toBe(true);
    expect(parseProfiles(local, { allowLoopbackHttp: false })).toMatchObject({
      error: [{ problem: expect.stringContaining('local stack only') }],
    });
  });
  test.each(['http://10.0.0.1', 'http://localhost.example', 'http://127.0.0.1.nip.io'])('%s is nowhere', (issuer) => {
    expect(parseProfiles({ profiles: { orders: { ...GOOD, issuer } } }, { allowLoopbackHttp: true }).ok).toBe(false);
  });
});
