import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProfilesFile } from '../../infra/build/profiles-file.ts';
import { findFaults, findWarnings } from '../../infra/build/profiles-warnings.ts';
import { profilesOf } from '../support/profiles.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'profiles-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function read(text: string) {
  const file = join(home, 'profiles.yml');
  writeFileSync(file, text);
  const profiles = readProfilesFile(file, { allowLoopbackHttp: false });
  return profiles.ok ? profiles.value : profiles.error.map((line) => line.replace(`${home}/`, ''));
}

const CALLERS = '[arn:aws:iam::123456789012:role/orders-service]';

test('anchors, aliases and merge keys', () => {
  const profiles = read(`
profiles:
  orders: &base { issuer: https://example.zitadel.cloud, secret: orders, callers: &callers ${CALLERS} }
  reports: { <<: *base, secret: reports }
  billing: { issuer: https://example.zitadel.cloud, secret: billing, callers: *callers }
  shipping:
    <<: [{ secret: shipping }, *base]
`);
  if (Array.isArray(profiles)) throw new Error(profiles.join());
  expect([...profiles.values()].map(({ name, issuer, secret }) => [name, issuer, secret])).toEqual([
    ['orders', 'https://example.zitadel.cloud', 'orders'],
    ['reports', 'https://example.zitadel.cloud', 'reports'],
    ['billing', 'https://example.zitadel.cloud', 'billing'],
    ['shipping', 'https://example.zitadel.cloud', 'shipping'],
  ]);
});

test.each([
  [
    'a key that is there twice',
    'profiles:\n  orders:\n    secret: a\n    secret: b\n',
    /^profiles\.yml:4:5 secret is there twice; keep one of them$/,
  ],
  [
    'two documents',
    'profiles: {}\n---\nprofiles: {}\n',
    /^profiles\.yml:2:1 begins another document \(---\); keep one$/,
  ],
  [
    'a quoted key that is there twice, with Windows line ends',
    '\ufeffprofiles:\r\n  "a:b": 1\r\n  "a:b": 2\r\n',
    /^profiles\.yml:3:3 "a:b" is there twice; keep one of them$/,
  ],
  [
    'an alias of nothing',
    '# *base\nprofiles:\n  orders: *base\n',
    /^profiles\.yml:3:11 \*base names nothing: put &base before it$/,
  ],
  ['an alias within itself', 'profiles:\n  a: &a\n    <<: *a\n', /^profiles\.yml:3:9 \*a is within what it names$/],
  ['a merge of a text', 'profiles:\n  <<: text\n', /^profiles\.yml:2:3 << takes a mapping, or a list of mappings$/],
  [
    'aliases that multiply',
    `a: &a [${'x,'.repeat(99)}]\nb: &b [${'*a,'.repeat(99)}]\nc: [${'*b,'.repeat(99)}]\n`,
    /^profiles\.yml:1:1 its aliases stand for too much$/,
  ],
  ['nothing', '', /^profiles\.yml:1:1 must be a mapping: profiles: \{ name: … \}$/],
  ['a bracket that is missing', 'profiles:\n  orders: { secret: a\n', /^profiles\.yml:\d+:\d+ [^\n]+$/],
])('%s: the place stands once, and no function is named', (_name, text, fault) => {
  const profiles = read(text);
  const [first = ''] = Array.isArray(profiles) ? profiles : [];
  expect(first).toMatch(fault);
  expect(first).not.toMatch(/at line|parse\w*\(/);
});

describe('the ARN of a secret', () => {
  const arn = (place: string, name = 'orders-a1B2c3', partition = 'aws') =>
    `arn:${partition}:secretsmanager:${place}:secret:${name}`;
  const profiles = (secret: string) =>
    profilesOf({
      profiles: {
        orders: {
          issuer: 'https://example.zitadel.cloud',
          secret,
          callers: ['arn:aws:iam::123456789012:role/orders-service'],
        },
      },
    });

  test.each([
    ['a name', 'zitadel/orders', undefined],
    ['here', arn('eu-central-1:123456789012'), undefined],
    ['in another region', arn('us-east-1:123456789012'), undefined],
    ['in another account', arn('eu-central-1:210987654321'), /is in the account 210987654321: its resource policy/],
    ['whose end looks like a word', arn('eu-central-1:123456789012', 'zitadel/orders-secret'), /ends in -secret: if/],
    ['one member of it', `${arn('eu-central-1:123456789012', 'all-secret')}#orders`, /ends in -secret: if/],
  ])('%s', (_name, secret, warning) => {
    const found = findWarnings(profiles(secret), { account: '123456789012', region: 'eu-central-1' });
    expect(found).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
    expect(findFaults(profiles(secret), { region: 'eu-central-1' })).toEqual([]);
  });

  test('in an account, where that of the deployment is not known', () => {
    expect(findWarnings(profiles(arn('eu-central-1:210987654321')), {})).toEqual([]);
  });

  test.each([
    [
      'of another partition',
      arn('cn-north-1:123456789012', 'orders-a1B2c3', 'aws-cn'),
      'eu-central-1',
      /cannot reach$/,
    ],
    [
      'of a partition that its region is not in',
      arn('cn-north-1:123456789012'),
      undefined,
      /but cn-north-1 is in aws-cn$/,
    ],
    ['of GovCloud', arn('us-gov-west-1:123456789012', 'orders-a1B2c3', 'aws-us-gov'), 'us-gov-east-1', undefined],
  ])('%s', (_name, secret, region, fault) => {
    const found = findFaults(profiles(secret), { region });
    expect(found).toEqual(fault === undefined ? [] : [expect.stringMatching(fault)]);
  });
});
