import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import schema from '../../../../infra/profiles.schema.json' with { type: 'json' };
import { parseProfiles } from '../../../../lib/broker/profiles/parse.ts';
import { rotatedSecrets } from '../../../../lib/broker/profiles/rotation.ts';
import { DAY_MS } from '../../../../lib/core/time.ts';
import { profilesOf } from '../../../support/profiles.ts';

const matchesSchema = new Ajv({ allErrors: true, strict: false }).compile(schema);

const AUDIENCE = 'urn:zitadel:iam:org:project:id:1:aud';
const EVERY = { every: '30d' };
const SHARED = { issuer: 'https://example.zitadel.cloud', callers: ['arn:aws:iam::123456789012:role/orders-service'] };
const REPORTS = { ...SHARED, secret: 'zitadel/reports', scopes: [AUDIENCE] };
const ADMIN = { ...SHARED, secret: 'zitadel/admin' };
const BILLING = { ...SHARED, secret: 'zitadel/billing', subject: 'reports' };
const BY = { every: '30d', by: 'admin' };

const faults = (profiles: object) => {
  const document = { profiles };
  const result = parseProfiles(document, { allowLoopbackHttp: false });
  return result.ok ? [] : result.error.map(({ path, problem }) => `${path.slice(1).join('.')} ${problem}`);
};

const rotated = (profiles: object) => rotatedSecrets(profilesOf({ profiles }));
const ISSUER = SHARED.issuer;
const everyMs = 30 * DAY_MS;

/** One secret, of two profiles with scopes of their own. */
const OF_TWO = [
  {
    secret: 'zitadel/reports',
    issuer: ISSUER,
    everyMs,
    trials: [
      { kind: 'token', scopes: [AUDIENCE] },
      { kind: 'token', scopes: ['profile'] },
    ],
  },
];

describe('what rotates, and what its new key must be good for', () => {
  test.each<[what: string, profiles: object, secrets: readonly object[]]>([
    ['nothing', { reports: REPORTS }, []],
    [
      'the key of a service account: a token with the scopes of its profile',
      { reports: { ...REPORTS, rotation: EVERY } },
      [{ secret: 'zitadel/reports', issuer: ISSUER, everyMs, trials: [{ kind: 'token', scopes: [AUDIENCE] }] }],
    ],
    [
      'one secret of two profiles: once, with the scopes of both',
      { reports: { ...REPORTS, rotation: EVERY }, other: { ...REPORTS, scopes: ['profile'] } },
      OF_TWO,
    ],
    [
      'a secret that one profile names by its ARN',
      {
        reports: { ...REPORTS, rotation: EVERY },
        other: {
          ...REPORTS,
          secret: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3',
          scopes: ['profile'],
        },
      },
      OF_TWO,
    ],
    [
      'the key of an application that exchanges, introspects and revokes',
      {
        admin: ADMIN,
        reports: { ...REPORTS, introspection: { secret: 'zitadel/api', rotation: BY } },
        billing: { ...BILLING, rotation: BY },
        revocable: {
          ...REPORTS,
          secret: 'zitadel/orders',
          introspection: 'zitadel/api',
          revocation: { secret: 'zitadel/billing', callers: [] },
        },
      },
      [
        { secret: 'zitadel/api', issuer: ISSUER, everyMs, by: 'admin', trials: [{ kind: 'introspection' }] },
        {
          secret: 'zitadel/billing',
          issuer: ISSUER,
          everyMs,
          by: 'admin',
          trials: [{ kind: 'exchange' }, { kind: 'introspection' }],
        },
      ],
    ],
    [
      "an application that exchanges its callers' tokens",
      { admin: ADMIN, portal: { ...REPORTS, secret: 'zitadel/billing', exchange: {}, rotation: BY } },
      [{ secret: 'zitadel/billing', issuer: ISSUER, everyMs, by: 'admin', trials: [{ kind: 'exchange' }] }],
    ],
  ])('%s', (_what, profiles, secrets) => {
    expect(rotated(profiles)).toEqual(secrets);
  });

  test('any whole number of days up to a year', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 1200 }), (days) => {
        const profiles = { reports: { ...REPORTS, rotation: { every: `${days}d` } } };
        const isValid = days >= 1 && days <= 365;
        expect([faults(profiles).length === 0, matchesSchema({ profiles })]).toEqual([isValid, isValid]);
        if (isValid) expect(rotated(profiles)).toMatchObject([{ everyMs: days * DAY_MS }]);
      }),
    );
  });
});

describe('says what is wrong with', () => {
  const reports = (rotation: unknown, change: object = {}) => ({ reports: { ...REPORTS, ...change, rotation } });

  test.each<[what: string, profiles: object, fault: RegExp]>([
    ['no mapping', reports('30d'), /^reports\.rotation must be a mapping: \{ every: 30d \}$/],
    ['no period', reports({}), /^reports\.rotation\.every is missing; it must be a number of days from 1d to 365d/],
    ['a period in hours', reports({ every: '12h' }), /^reports\.rotation\.every must be a number of days/],
    ['a number', reports({ every: 30 }), /^reports\.rotation\.every must be a number of days/],
    ['an unknown field', reports({ ...EVERY, at: 'night' }), /^reports\.rotation\.at is not a known field/],
    ['no name', reports({ ...EVERY, by: 1 }), /^reports\.rotation\.by must be the name of a profile/],
    [
      'a member of a shared secret',
      reports(EVERY, { secret: 'zitadel/shared#reports' }),
      /^reports\.rotation must be removed: the secret holds other credentials too/,
    ],
    [
      'a client secret',
      reports(EVERY, { grant: 'client_credentials' }),
      /^reports\.rotation must be removed: a client secret has no successor .*npm run rotate -- --to-key reports/,
    ],
    [
      'by, for a service account',
      { admin: ADMIN, ...reports(BY) },
      /^reports\.rotation\.by must be removed: a service account manages its own keys$/,
    ],
    [
      'an application without by',
      { reports: REPORTS, billing: { ...BILLING, rotation: EVERY } },
      /^billing\.rotation\.by is missing: an application cannot manage its own keys/,
    ],
    [
      'an application that introspects, without by',
      { reports: { ...REPORTS, introspection: { secret: 'zitadel/api', rotation: EVERY } } },
      /^reports\.introspection\.rotation\.by is missing/,
    ],
    [
      'an application that revokes, without by',
      { reports: { ...REPORTS, revocation: { secret: 'zitadel/api', callers: [], rotation: EVERY } } },
      /^reports\.revocation\.rotation\.by is missing/,
    ],
    [
      'by nobody',
      { reports: REPORTS, billing: { ...BILLING, rotation: BY } },
      /^billing\.rotation\.by names an unknown profile; the profiles are reports, billing$/,
    ],
    [
      'by a profile at another issuer',
      { admin: { ...ADMIN, issuer: 'https://other.example' }, reports: REPORTS, billing: { ...BILLING, rotation: BY } },
      /^billing\.rotation\.by has a different issuer$/,
    ],
    [
      'by a profile that exchanges',
      { reports: REPORTS, billing: { ...BILLING, rotation: { ...BY, by: 'billing' } } },
      /^billing\.rotation\.by must be a profile of a service account/,
    ],
    [
      'two periods of one secret',
      { reports: { ...REPORTS, rotation: EVERY }, other: { ...REPORTS, rotation: { every: '7d' } } },
      /^other\.rotation\.every is 30d in reports: the secret is the same, and has one schedule$/,
    ],
    [
      'two managers of one secret',
      {
        admin: ADMIN,
        second: { ...ADMIN, secret: 'zitadel/second' },
        reports: REPORTS,
        billing: { ...BILLING, rotation: BY },
        other: { ...BILLING, rotation: { ...BY, by: 'second' } },
      },
      /^other\.rotation\.by differs from billing, which rotates the same secret$/,
    ],
    [
      'two issuers of one secret',
      {
        reports: { ...REPORTS, rotation: EVERY },
        other: { ...REPORTS, issuer: 'https://other.example', rotation: EVERY },
      },
      /^other\.rotation must be removed: reports rotates the same secret at another issuer$/,
    ],
    [
      'a false period, once, although another profile has a true one',
      { reports: { ...REPORTS, rotation: { every: 'x' } }, other: { ...REPORTS, rotation: EVERY } },
      /^reports\.rotation\.every must be a number of days/,
    ],
  ])('%s', (_what, profiles, fault) => {
    expect(faults(profiles)).toEqual([expect.stringMatching(fault)]);
  });
});
