import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import schema from '../../../../infra/profiles.schema.json' with { type: 'json' };
import { chainOf } from '../../../../lib/broker/profiles/check.ts';
import { parseProfiles } from '../../../../lib/broker/profiles/parse.ts';
import { isProfileName, type Profile } from '../../../../lib/broker/profiles/profile.ts';

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
    const document = parse(readFileSync(join(import.meta.dirname, '../../../../infra/profiles.yml'), 'utf8'));
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
      /never given to callers/,
    ],
    ['a caller that is no role', { callers: ['arn:aws:iam::123456789012:user/me'] }, 'callers.0', /ARN of an IAM role/],
    [
      "a role's path",
      { callers: ['arn:aws:iam::123456789012:role/team/orders'] },
      'callers.0',
      /must not contain the role's path.*role\/orders$/,
    ],
    ['* in the middle', { callers: ['arn:aws:iam::123456789012:role/or*rs'] }, 'callers.0', /only at the end/],
    ['* alone', { callers: ['arn:aws:iam::123456789012:role/*'] }, 'callers.0', /at least one character/],
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
    ['revocation by nobody', { revocation: 'app' }, 'revocation', /lists no callers: write \{ secret: app/],
    ['revocation by nobody, in a mapping', { revocation: { secret: 'app' } }, 'revocation.callers', /lists no callers/],
    [
      "an audience that opens ZITADEL's own API",
      { ...AIMED, exchange: { audiences: ['zitadel'] } },
      'exchange.audiences.0',
      /grants access to ZITADEL's own API/,
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
    [
      'an audience that is none',
      { ...AIMED, exchange: { audiences: [''] } },
      'exchange.audiences.0',
      /must be a non-empty string/,
    ],
    [
      'impersonation in words',
      { ...AIMED, exchange: { impersonation: 'yes' } },
      'exchange.impersonation',
      /must be true or false/,
    ],
    ['a misspelt rule', { ...AIMED, exchange: { audience: ['x'] } }, 'exchange.audience', /is not a known field/],
    ['prewarm in words', { prewarm: 'yes' }, 'prewarm', /must be true or false/],
    ['too small a validity', { minValiditySeconds: 4 }, 'minValiditySeconds', /from 5 to 3600/],
    ['half a second', { minValiditySeconds: 60.5 }, 'minValiditySeconds', /whole number/],
    ['too great an age', { maxAgeSeconds: 2_592_001 }, 'maxAgeSeconds', /from 20 to 2592000/],
    ['a misspelt field', { minvalidity: 60 }, 'minvalidity', /is not a known field; the fields are issuer/],
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
      /^profiles\.billing\.subject names an unknown profile; the profiles are billing$/,
    ],
    ['itself', { billing: { ...subject, subject: 'billing' } }, /^profiles\.billing\.subject leads back/],
    [
      'another issuer',
      { orders: { ...subject, issuer: 'https://other.example' }, billing: { ...other, subject: 'orders' } },
      /billing\.subject has a different issuer/,
    ],
    [
      'a subject without an audience',
      { orders: GOOD, billing: { ...other, subject: 'orders' } },
      /billing\.subject orders requests no audience/,
    ],
    [
      'a grant that does not exchange',
      { orders: subject, billing: { ...other, subject: 'orders', grant: 'jwt-bearer' } },
      /billing\.grant must be token-exchange, or be omitted, in a profile with subject/,
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
    ['nobody', { orders: { ...GOOD, callers: [] } }, /orders\.callers is missing: no one could use/],
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
  test.each(['http://10.0.0.1', 'http://localhost.example', 'http://notlocalhost', 'http://127.0.0.1.nip.io'])(
    '%s is nowhere',
    (issuer) => {
      expect(parseProfiles({ profiles: { orders: { ...GOOD, issuer } } }, { allowLoopbackHttp: true }).ok).toBe(false);
    },
  );
});

describe('every setting', () => {
  const role = (name: string) => ({ partition: 'aws', account: '123456789012', role: name, isPrefix: false });
  const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

  test('is read', () => {
    const orders = {
      ...GOOD,
      scopes: ['b', AUDIENCE, 'a'],
      grant: 'client_credentials',
      prewarm: true,
      minValiditySeconds: 5,
      maxAgeSeconds: 20,
      introspection: { secret: 'zitadel/api', callers: [arn('other')] },
      introspectionCacheSeconds: 60,
      revocation: { secret: 'zitadel/app', clientId: 'the-client', callers: [arn('admin')] },
      exchange: {
        subjectTokenTypes: ['access_token', 'id_token', 'jwt', 'user_id'],
        requestedTokenTypes: ['urn:ietf:params:oauth:token-type:jwt', 'id_token'],
        audiences: ['x'],
        impersonation: true,
      },
    };
    const profiles = parseOne(orders);
    const scopes = ['a', 'b', AUDIENCE];
    const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;
    expect(profiles.ok && profiles.value.get('orders')).toStrictEqual({
      name: 'orders',
      issuer: GOOD.issuer,
      secret: GOOD.secret,
      scopes,
      callers: [role('orders-service')],
      grant: 'client_credentials',
      prewarm: true,
      minValidityMs: 5_000,
      maxAgeMs: 20_000,
      introspection: { secret: 'zitadel/api', callers: [role('other')] },
      introspectionCacheMs: 60_000,
      revocation: { secret: 'zitadel/app', clientId: 'the-client', callers: [role('admin')] },
      exchange: {
        scopes,
        subjectTokenTypes: [
          type('access_token'),
          type('id_token'),
          type('jwt'),
          'urn:zitadel:params:oauth:token-type:user_id',
        ],
        requestedTokenTypes: [type('jwt'), type('id_token')],
        audiences: ['x'],
        impersonation: true,
      },
    });
  });

  test('has a default, or is not there', () => {
    const revocation = { secret: 'zitadel/app', callers: [] };
    const profiles = parseOne({ ...GOOD, ...AIMED, introspection: 'zitadel/api', revocation, exchange: {} });
    const one = profiles.ok ? profiles.value.get('orders') : undefined;
    expect(one).toStrictEqual({
      name: 'orders',
      issuer: GOOD.issuer,
      secret: GOOD.secret,
      scopes: [AUDIENCE],
      callers: [role('orders-service')],
      prewarm: false,
      minValidityMs: 60_000,
      introspection: { secret: 'zitadel/api' },
      introspectionCacheMs: 0,
      revocation,
      exchange: {
        scopes: [AUDIENCE],
        subjectTokenTypes: ['urn:ietf:params:oauth:token-type:access_token'],
        requestedTokenTypes: ['urn:ietf:params:oauth:token-type:access_token'],
        audiences: [],
        impersonation: false,
      },
    });
  });

  test.each([
    [{ minValiditySeconds: 3_600 }, true],
    [{ minValiditySeconds: 3_601 }, false],
    [{ maxAgeSeconds: 2_592_000 }, true],
    [{ maxAgeSeconds: 19 }, false],
    [{ introspectionCacheSeconds: -1 }, false],
    [{ minValiditySeconds: '60' }, false],
    [{ secret: 'a'.repeat(512) }, true],
    [{ secret: 'a'.repeat(513) }, false],
    [{ issuer: 'https://a.example#x' }, false],
  ])('%j is fit for use: %s', (change, expected) => expect(parseOne({ ...GOOD, ...change }).ok).toBe(expected));

  test.each([
    ['a', true],
    ['a'.repeat(63), true],
    ['a-1', true],
    ['a'.repeat(64), false],
    ['1a', false],
    ['-a', false],
    ['a_b', false],
    ['', false],
    ['a\n', false],
    [' a', false],
  ])('the name %j is one: %s', (name, expected) => {
    expect(isProfileName(name)).toBe(expected);
    expect(parseOne(GOOD, name).ok).toBe(expected);
  });
});

describe('every fault says where it is and what to do', () => {
  const secretProblem =
    'must be the name of a secret in AWS Secrets Manager, or its full ARN with the six characters at the end; #MEMBER after it names one member of its JSON';
  const faultsOf = (profile: unknown) => {
    const result = parseOne(profile);
    return result.ok ? [] : result.error.map(({ path, problem }) => [path.slice(2).join('.'), problem]);
  };
  const seconds = (least: number, most: number) => `must be a whole number of seconds from ${least} to ${most}`;
  const unknown = (known: string) => `is not a known field; the fields are ${known}`;
  const noBody = (secret: unknown) =>
    `lists no callers: write { secret: ${secret}, callers: [ARNs of IAM roles] }; with [] no one may revoke`;

  test.each<[change: object, faults: readonly (readonly [field: string, problem: string])[]]>([
    [{ issuer: 7 }, [['issuer', 'must be a URL such as https://example.zitadel.cloud']]],
    [{ issuer: undefined }, [['issuer', 'is missing; it must be a URL such as https://example.zitadel.cloud']]],
    [{ issuer: 'http://a.example' }, [['issuer', 'must begin with https:// (http only for a loopback address)']]],
    [{ issuer: 'http://localhost' }, [['issuer', 'may be http on a loopback address in the local stack only']]],
    [{ issuer: 'https://a.example/x' }, [['issuer', 'must be the origin alone: https://a.example']]],
    [{ secret: undefined }, [['secret', `is missing; it ${secretProblem}`]]],
    [{ secret: 7 }, [['secret', secretProblem]]],
    [{ scopes: [7] }, [['scopes.0', 'must be one scope: printable ASCII without spaces (RFC 6749 §3.3)']]],
    [{ scopes: {} }, [['scopes', 'must be a list']]],
    [{ callers: 'x' }, [['callers', 'must be a list']]],
    [{ grant: 'x' }, [['grant', 'must be one of client_credentials, jwt-bearer, token-exchange']]],
    [{ subject: 7 }, [['subject', 'must be the name of a profile']]],
    [{ prewarm: 1 }, [['prewarm', 'must be true or false']]],
    [{ minValiditySeconds: 4 }, [['minValiditySeconds', seconds(5, 3_600)]]],
    [{ maxAgeSeconds: 'x' }, [['maxAgeSeconds', seconds(20, 2_592_000)]]],
    [{ introspectionCacheSeconds: 61 }, [['introspectionCacheSeconds', seconds(0, 60)]]],
    [{ introspection: 7 }, [['introspection', secretProblem]]],
    [{ introspection: {} }, [['introspection.secret', secretProblem]]],
    [{ introspection: { secret: 'a', x: 1 } }, [['introspection.x', unknown('secret, callers, rotation')]]],
    [{ introspection: { secret: 'a', callers: 7 } }, [['introspection.callers', 'must be a list']]],
    [{ revocation: 7 }, [['revocation', secretProblem]]],
    [{ revocation: 'a' }, [['revocation', noBody('a')]]],
    [{ revocation: { secret: 'a' } }, [['revocation.callers', noBody('a')]]],
    [{ revocation: { callers: [] } }, [['revocation.secret', secretProblem]]],
    [{ revocation: { secret: 'a', callers: 7 } }, [['revocation.callers', 'must be a list']]],
    [
      { revocation: { secret: 'a', callers: [], x: 1 } },
      [['revocation.x', unknown('secret, clientId, callers, rotation')]],
    ],
    [
      { revocation: { secret: 'a', callers: [], clientId: 'a b' } },
      [['revocation.clientId', 'must be the client id of the application']],
    ],
    [
      { revocation: { secret: 'a', callers: [], clientId: 7 } },
      [['revocation.clientId', 'must be the client id of the application']],
    ],
    [{ ...AIMED, exchange: 7 }, [['exchange', 'must be a mapping, {} for the defaults']]],
    [
      { ...AIMED, exchange: { x: 1 } },
      [['exchange.x', unknown('subjectTokenTypes, requestedTokenTypes, audiences, impersonation')]],
    ],
    [
      { ...AIMED, exchange: { subjectTokenTypes: ['x'] } },
      [['exchange.subjectTokenTypes.0', 'must be one of access_token, id_token, jwt, user_id, or their URNs']],
    ],
    [
      { ...AIMED, exchange: { requestedTokenTypes: ['user_id'] } },
      [['exchange.requestedTokenTypes.0', 'must be one of access_token, jwt, id_token, or their URNs']],
    ],
    [{ ...AIMED, exchange: { audiences: [7] } }, [['exchange.audiences.0', 'must be a non-empty string']]],
    [
      { ...AIMED, exchange: { audiences: ['zitadel'] } },
      [['exchange.audiences.0', "grants access to ZITADEL's own API and is never given to callers; remove it"]],
    ],
    [{ ...AIMED, exchange: { impersonation: 1 } }, [['exchange.impersonation', 'must be true or false']]],
    ...['id_token', 'jwt', 'user_id'].map(
      (type) =>
        [
          { ...AIMED, exchange: { subjectTokenTypes: ['access_token', type] } },
          [
            [
              'exchange.impersonation',
              'must be true for the subject types id_token, jwt and user_id: ZITADEL requires an actor for them',
            ],
          ],
        ] as [object, [string, string][]],
    ),
    [
      { scopes: ['a'], exchange: {} },
      [
        [
          'scopes',
          "name no audience, so an exchanged token would carry all of its subject's: add a scope urn:zitadel:iam:org:project:id:{project}:aud",
        ],
      ],
    ],
    [
      { scopes: [], exchange: {} },
      [['scopes', 'is missing: without scopes, exchanged tokens would have all scopes of the subject token']],
    ],
    [
      { ...AIMED, exchange: {}, prewarm: true },
      [['prewarm', "must be false: the profile exchanges its callers' tokens and has none of its own"]],
    ],
    [{ callers: undefined }, [['callers', 'is missing: no one could use this profile; list the ARNs of IAM roles']]],
    [{ grant: 'token-exchange' }, [['subject', 'is missing: name the profile whose token is exchanged']]],
  ])('%j', (change, faults) => expect(faultsOf({ ...GOOD, ...change })).toEqual(faults));

  test.each<[document: unknown, faults: readonly object[]]>([
    [7, [{ path: [], problem: 'must be a mapping: profiles: { name: … }' }]],
    [{ profiles: 7 }, [{ path: ['profiles'], problem: 'must be a mapping: profiles: { name: … }' }]],
    [{ profiles: {} }, [{ path: ['profiles'], problem: 'must hold at least one profile' }]],
    [{ profiles: { a: GOOD }, x: 1 }, [{ path: ['x'], problem: unknown('issuers, profiles') }]],
    [
      { profiles: { a: 7 } },
      [{ path: ['profiles', 'a'], problem: 'must be a mapping with issuer, secret, scopes, callers' }],
    ],
    [
      { profiles: { A: GOOD } },
      [
        {
          path: ['profiles', 'A'],
          problem: 'must be a name of 1 to 63 lower-case letters, digits and hyphens, a letter first',
        },
      ],
    ],
  ])('%j', (document, faults) =>
    expect(parseProfiles(document, { allowLoopbackHttp: false })).toEqual({ ok: false, error: faults }),
  );
});

describe('profiles that exchange the tokens of others', () => {
  const aud = (id: string) => `urn:zitadel:iam:org:project:id:${id}:aud`;
  const parse = (profiles: Record<string, object>) =>
    parseProfiles(
      { profiles: Object.fromEntries(Object.entries(profiles).map(([name, one]) => [name, { ...GOOD, ...one }])) },
      { allowLoopbackHttp: false },
    );
  const faultsOf = (profiles: Record<string, object>) => {
    const result = parse(profiles);
    return result.ok ? [] : result.error.map(({ path, problem }) => `${path.slice(1).join('.')} ${problem}`);
  };

  test.each<[name: string, scopes: Record<string, string[]>, expected: Record<string, [string[], string[]?]>]>([
    [
      'what both have',
      { a: [aud('1'), aud('2'), 'x'], b: [aud('2'), 'x', 'y'] },
      {
        a: [[aud('1'), aud('2'), 'x']],
        b: [
          [aud('2'), 'x'],
          [aud('1'), aud('2'), 'x'],
        ],
      },
    ],
    ['all of the subject’s', { a: [aud('1'), 'x'], b: [] }, { a: [[aud('1'), 'x']], b: [[], [aud('1'), 'x']] }],
    [
      'along a chain',
      { a: [aud('1'), aud('2'), 'x'], b: [aud('1'), 'x'], c: [aud('1'), aud('2')] },
      {
        a: [[aud('1'), aud('2'), 'x']],
        b: [
          [aud('1'), 'x'],
          [aud('1'), aud('2'), 'x'],
        ],
        c: [[aud('1')], [aud('1'), 'x']],
      },
    ],
    [
      'along a chain of those without scopes',
      { a: [aud('1'), 'x'], b: [], c: ['x', aud('1')] },
      {
        a: [[aud('1'), 'x']],
        b: [[], [aud('1'), 'x']],
        c: [
          [aud('1'), 'x'],
          [aud('1'), 'x'],
        ],
      },
    ],
  ])('get %s', (_name, scopes, expected) => {
    const subjects: Record<string, string> = { b: 'a', c: 'b' };
    const result = parse(
      Object.fromEntries(
        Object.entries(scopes).map(([name, own]) => [
          name,
          { scopes: own, ...(subjects[name] === undefined ? {} : { subject: subjects[name] }) },
        ]),
      ),
    );
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    for (const [name, [own, inherited]] of Object.entries(expected)) {
      const { scopes: granted, inherited: has } = result.value.get(name) ?? {};
      expect([granted, has]).toEqual([own, inherited]);
    }
    expect(chainOf(result.value.get('b') as Profile, result.value)).toEqual(['b', 'a']);
    expect(chainOf(result.value.get('a') as Profile, result.value)).toEqual(['a']);
  });

  const noAudience =
    'b.subject a requests no audience, so ZITADEL would refuse to exchange its token: add the scope ' +
    'urn:zitadel:iam:org:project:id:{project of this application}:aud to a';
  const nothingInCommon =
    'b.scopes name no audience that a also has, so its token cannot be exchanged: use a scope ' +
    'urn:zitadel:iam:org:project:id:{project}:aud of a, or leave scopes out for all of its audiences';
  const sameRevocation = 'b.revocation needs the same revocation in a: an exchanged token inherits its audience';
  const revocation = { secret: 'x', callers: [] };
  const a = { scopes: [aud('1')] };
  const b = { subject: 'a', scopes: [] };

  test.each<[name: string, profiles: Record<string, object>, faults: string[]]>([
    ['nothing wrong', { a, b }, []],
    ['a grant that exchanges', { a, b: { ...b, grant: 'token-exchange' } }, []],
    ['no such subject', { a, b: { subject: 'x' } }, ['b.subject names an unknown profile; the profiles are a, b']],
    [
      'itself',
      { b: { ...b, subject: 'b' } },
      ['b.subject leads back to the profile itself, so there is no first token'],
    ],
    [
      'another issuer',
      { a: { ...a, issuer: 'https://x.example' }, b },
      ['b.subject has a different issuer; ZITADEL exchanges only its own tokens'],
    ],
    ['a subject without an audience', { a: { scopes: ['x'] }, b }, [noAudience]],
    ['no audience in common', { a, b: { ...b, scopes: [aud('2')] } }, [nothingInCommon]],
    [
      'no audience among what is in common',
      { a: { scopes: [aud('1'), 'x'] }, b: { ...b, scopes: ['x'] } },
      [nothingInCommon],
    ],
    ['a revocation of its own', { a, b: { ...b, revocation } }, [sameRevocation]],
    [
      'another revocation',
      { a: { ...a, revocation: { ...revocation, secret: 'y' } }, b: { ...b, revocation } },
      [sameRevocation],
    ],
    ['the same revocation', { a: { ...a, revocation }, b: { ...b, revocation } }, []],
    [
      'another grant',
      { a, b: { ...b, grant: 'client_credentials' } },
      ['b.grant must be token-exchange, or be omitted, in a profile with subject'],
    ],
    ['a profile that nobody uses but another', { a: { ...a, callers: [] }, b }, []],
    [
      'a profile that nobody uses but for introspection',
      { a: { callers: [], introspection: { secret: 'x', callers: GOOD.callers } } },
      [],
    ],
    [
      'a profile that nobody uses but to revoke',
      { a: { callers: [], revocation: { secret: 'x', callers: GOOD.callers } } },
      [],
    ],
    [
      'tokens of its own and of callers, prewarmed',
      { a, b: { ...b, scopes: [aud('1')], exchange: {}, prewarm: true } },
      [],
    ],
    [
      'a grant of its own and an exchange, prewarmed',
      { a: { ...a, grant: 'client_credentials', exchange: {}, prewarm: true } },
      [],
    ],
    ['an exchange by its grant', { a: { ...a, grant: 'token-exchange', exchange: {} } }, []],
  ])('%s', (_name, profiles, faults) => expect(faultsOf(profiles)).toEqual(faults));

  test('a circle is found wherever it begins, and leads nowhere', () => {
    const circle = { ...b, scopes: [aud('1')] };
    const faults = faultsOf({ a: { ...circle, subject: 'b' }, b: circle, c: { ...circle, subject: 'b' } });
    expect(faults).toHaveLength(3);
    for (const fault of faults) expect(fault).toMatch(/subject leads back to the profile itself/);
  });
});
