import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { findChanges, isUpTo } from '../../infra/build/profiles-changes.ts';
import { readProfilesFile } from '../../infra/build/profiles-file.ts';
import { findFaults, findWarnings } from '../../infra/build/profiles-warnings.ts';
import { findDoubtfulWorkloads } from '../../infra/build/workload-warnings.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { profilesOf } from '../support/profiles.ts';

const ROOT = join(import.meta.dirname, '../..');
const chosenDocument: () => { profiles: object } = createRequire(import.meta.url)('../../infra/chosen-profiles.cjs');

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

describe('several files', () => {
  const base = 'issuer: https://example.zitadel.cloud, secret: a';
  const readFolder = (files: Readonly<Record<string, string>>) => {
    const folder = mkdtempSync(join(home, 'several-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const place = join(folder, 'profiles');
    vi.stubEnv('PROFILES_FILE', place);
    const read = readProfilesFile(place, { allowLoopbackHttp: false });
    const relative = (text: string) => text.replaceAll(`${folder}/`, '');
    return {
      profiles: read.ok ? [...read.value.keys()] : [],
      homes: read.ok ? [...read.fileOf.values()].map(relative) : [],
      faults: read.ok ? [] : read.error.map(relative),
    };
  };
  afterEach(() => vi.unstubAllEnvs());

  const orders = `profiles:\n  orders: { ${base}, callers: &c ${CALLERS} }\n`;
  const billing = `profiles:\n  billing: { ${base}, subject: orders, callers: ${CALLERS} }\n`;

  test('are one, in the order of their names; others beside them are left out', () => {
    const files = {
      'profiles/z.yml': orders,
      'profiles/b.json': JSON.stringify(parse(orders.replace('orders', 'json'))),
      'profiles/a/billing.yaml': billing.replace('subject: orders, ', ''),
      'profiles/empty.yml': 'profiles: {}\n',
      'profiles/.#z.yml': '{',
      'profiles/README.md': '# Ours',
    };
    const { profiles, homes, faults } = readFolder(files);
    expect(faults).toEqual([]);
    expect(profiles).toEqual(['billing', 'json', 'orders']);
    expect(homes).toEqual(['profiles/a/billing.yaml', 'profiles/b.json', 'profiles/z.yml']);
    expect(Object.keys(chosenDocument().profiles)).toEqual(profiles);
  });

  const unfit = `profiles:\n  billing: { ${base}, subject: nobody, callers: ${CALLERS} }\n`;

  test.each<[string, Record<string, string>, RegExp[]]>([
    [
      'a subject in another file',
      {
        'profiles/a.yml': billing,
        'profiles/b.yml': orders.replace('secret: a', 'secret: a, scopes: ["urn:zitadel:iam:org:project:id:1:aud"]'),
      },
      [],
    ],
    [
      'a subject in no file',
      { 'profiles/a.yml': unfit, 'profiles/b.yml': orders },
      [/^profiles\/a\.yml:2:\d+ profiles\.billing\.subject /],
    ],
    [
      'one name in two files',
      { 'profiles/a.yml': orders, 'profiles/b.yml': `# 2\n${orders}` },
      [/^profiles\/b\.yml:3:11 profiles\.orders is in profiles\/a\.yml:2:11 too;/],
    ],
    [
      'faults of two files',
      { 'profiles/a.yml': unfit, 'profiles/b.yml': `x: 1\n${orders.replace('https:', 'http:')}` },
      [
        /^profiles\/b\.yml:1:4 x /,
        /^profiles\/b\.yml:3:\d+ profiles\.orders\.issuer /,
        /^profiles\/a\.yml:2:\d+ profiles\.billing\.subject /,
      ],
    ],
    [
      'YAML faults of two files',
      { 'profiles/a.yml': '{', 'profiles/b.yml': '[' },
      [/^profiles\/a\.yml:/, /^profiles\/b\.yml:/],
    ],
    [
      'an anchor of another file',
      { 'profiles/a.yml': orders, 'profiles/b.yml': 'profiles: { b: *c }' },
      [/^profiles\/b\.yml:1:16 \*c names nothing/],
    ],
    ['a list', { 'profiles/a.yml': '- 1', 'profiles/b.yml': orders }, [/^profiles\/a\.yml:1:1 must be a mapping/]],
    [
      'no profile',
      { 'profiles/a.yml': 'profiles: {}' },
      [/^profiles\/a\.yml:1:11 profiles must hold at least one profile$/],
    ],
    ['no file', { 'profiles/README.md': '' }, [/profiles: holds no profiles; add/]],
    [
      'a file beside the folder',
      { 'profiles/a.yml': billing, 'profiles.yml': orders },
      [/^profiles\.yml: profiles holds profiles too; move this file/],
    ],
  ])('%s', (_name, files, expected) => {
    const { faults } = readFolder(files);
    expect(faults).toEqual(expected.map((fault) => expect.stringMatching(fault)));
  });

  test.each([
    ['one name in two files', { 'profiles/a.yml': orders, 'profiles/b.yml': orders }],
    ['a file beside the folder', { 'profiles/a.yml': billing, 'profiles.yml': orders }],
  ])('the template refuses %s', (_name, files) => {
    readFolder(files);
    expect(chosenDocument).toThrow(/one name|holds profiles too/);
  });

  test.each([
    [['infra/profiles.yml'], 'infra/profiles.yml'],
    [['infra/profiles.yml', 'infra/profiles/README.md'], 'infra/profiles.yml'],
    [['infra/profiles.yml', 'infra/profiles/orders.yml'], 'infra/profiles'],
    [['infra/profiles/orders.yml'], 'infra/profiles'],
  ])('of %j, %s is chosen', (files, chosen) => {
    const folder = mkdtempSync(join(home, 'chosen-'));
    mkdirSync(join(folder, 'infra/profiles'), { recursive: true });
    for (const file of files) writeFileSync(join(folder, file), orders);
    const print = `process.stdout.write(require('${ROOT}/infra/profiles-files.cjs').chosenProfilesFile())`;
    const { PROFILES_FILE: _, ...env } = process.env;
    expect(execFileSync(process.execPath, ['-e', print], { cwd: folder, env, encoding: 'utf8' })).toBe(chosen);
  });

  test('npm run profiles shows the file of each profile', () => {
    readFolder({ 'profiles/a.yml': orders, 'profiles/b.yml': orders.replace('orders', 'other') });
    const script = join(ROOT, 'infra/build/profiles.ts');
    const lines = execFileSync(process.execPath, [script], { encoding: 'utf8' }).split('\n');
    const files = lines.slice(0, 3).map((line) => line.split(/ {2,}/).slice(0, 2));
    expect(files).toEqual([
      ['PROFILE', 'FILE'],
      ['orders', expect.stringMatching(/a\.yml$/)],
      ['other', expect.stringMatching(/b\.yml$/)],
    ]);
  });
});

describe('an upgrade', () => {
  const audience = 'scopes: ["urn:zitadel:iam:org:project:id:1:aud"]';
  const text = `profiles:
  orders: { issuer: https://example.zitadel.cloud, secret: a, callers: ${CALLERS}, ${audience} }
  reports: { issuer: https://example.zitadel.cloud, secret: b, callers: ${CALLERS}, ${audience}, subject: orders, maxAgeSeconds: 60 }
`;

  test.each([
    ['0.0.9', ['subject', 'maxAgeSeconds']],
    ['0.1.0', ['subject', 'maxAgeSeconds']],
    ['0.1.1', []],
    ['0.10.0', []],
    ['1.0.0', []],
  ])('from %s: %j have another meaning', (from, fields) => {
    const profiles = read(text);
    if (Array.isArray(profiles)) throw new Error(profiles.join());
    const expected = fields.map((field) => expect.stringContaining(`profile reports: ${field} has changed since`));
    expect(findChanges(profiles as Profiles, from)).toEqual(expected);
  });

  test.each([
    ['0.9.0', '0.10.0', true],
    ['0.10.0', '0.9.0', false],
    ['0.9.9', '0.9.9', true],
    ['1.0.0', '0.9.9', false],
  ])('%s is up to %s: %s', (version, last, expected) => expect(isUpTo(version, last)).toBe(expected));

  test('npm run profiles warns only if it is told the deployed version', () => {
    read(text);
    const warnings = (...args: readonly string[]) => {
      const script = join(ROOT, 'infra/build/profiles.ts');
      const file = join(home, 'profiles.yml');
      return spawnSync(process.execPath, [script, '--file', file, ...args], { encoding: 'utf8' }).stderr;
    };
    expect(warnings()).toBe('');
    expect(warnings('--from', '0.1.0').match(/^warning: profile reports: /gm)).toHaveLength(2);
    expect(warnings('--from', 'old')).toBe('--from takes a version: 0.1.0\nTry --help.\n');
  });
});

describe('callers without IAM', () => {
  const ISSUERS = {
    github: { kind: 'github' },
    gitlab: { kind: 'gitlab' },
    kubernetes: { kind: 'kubernetes', issuer: 'https://cluster.example' },
    aws: { kind: 'aws', issuer: 'https://example.tokens.sts.global.api.aws', account: '210987654321' },
    spiffe: { kind: 'spiffe', trustDomain: 'mesh.example', jwksUri: 'https://bundle.example/keys' },
    oidc: { kind: 'oidc', issuer: 'https://idp.example' },
  };
  const GITHUB = { repositoryId: '1', ownerId: '2' };
  const GITLAB = { projectId: '1', namespaceId: '2' };
  const PROTECTED = { refType: 'branch', refProtected: 'true' };
  const doubts = (caller: object, issuers: object = ISSUERS) => {
    const orders = { issuer: 'https://example.zitadel.cloud', secret: 'orders', callers: [caller] };
    return findDoubtfulWorkloads(profilesOf({ issuers, profiles: { orders } }));
  };

  test.each<[what: string, caller: object]>([
    ['a branch', { github: { ...GITHUB, ref: 'refs/heads/main' } }],
    ['releases', { github: { ...GITHUB, ref: 'refs/tags/v*', environment: 'production' } }],
    ['protected releases', { gitlab: { ...GITLAB, ref: 'v*', refType: 'tag', refProtected: 'true' } }],
    ['a branch of an environment', { github: { ...GITHUB, ref: 'refs/heads/main', environment: 'production' } }],
    ['a protected branch', { gitlab: { ...GITLAB, ref: 'main', ...PROTECTED } }],
    ['a service account', { kubernetes: { namespace: 'shop', serviceAccount: 'orders' } }],
    ['a role', { aws: { role: 'arn:aws:iam::210987654321:role/batch' } }],
    ['a workload', { spiffe: { id: 'spiffe://mesh.example/orders' } }],
    ['a subject', { oidc: { claims: { sub: '1234' } } }],
  ])('%s raises no doubt', (_what, caller) => expect(doubts(caller)).toEqual([]));

  test.each<[what: string, caller: object, reason: RegExp]>([
    ['branches', { github: { ...GITHUB, ref: 'refs/heads/release-*' } }, /choose such a branch or tag/],
    ['an environment alone', { github: { ...GITHUB, environment: 'production' } }, /without ref/],
    ['an environment at GitLab', { gitlab: { ...GITLAB, environment: 'a', refProtected: 'true' } }, /without ref/],
    ['a ref of any type', { gitlab: { ...GITLAB, ref: 'main', refProtected: 'true' } }, /add refType/],
    ['an unprotected branch', { gitlab: { ...GITLAB, ref: 'main', refType: 'branch' } }, /refProtected/],
    ['service accounts', { kubernetes: { namespace: 'shop', serviceAccount: 'or*' } }, /service account/],
    ['roles', { aws: { role: 'arn:aws:iam::210987654321:role/batch*' } }, /create a role/],
    ['an address', { oidc: { claims: { sub: '1234', email: 'a@b.example' } } }, /given to somebody else/],
  ])('%s: the reason is told', (_what, caller, reason) => {
    expect(doubts(caller)).toEqual([expect.stringMatching(reason)]);
    expect(doubts(caller)[0]).toMatch(/^profile orders: the caller \w+ \S+=/);
  });

  test('exact claims of GitHub are names: the kind github has ids', () => {
    const oidc = { kind: 'oidc', issuer: 'https://token.actions.githubusercontent.com' };
    const caller = { oidc: { claims: { sub: 'repo:acme/app:ref:refs/heads/main' } } };
    expect(doubts(caller, { oidc })).toEqual([expect.stringMatching(/use kind github$/)]);
  });

  test('npm run profiles shows them, and tells of doubts and of issuers without a caller', () => {
    const file = join(home, 'workloads.yml');
    writeFileSync(
      file,
      `issuers: { github: { kind: github }, gitlab: { kind: gitlab } }
profiles:
  orders: { issuer: https://example.zitadel.cloud, secret: a, callers: [arn:aws:iam::123456789012:role/orders, { github: { repositoryId: "1", ownerId: "2", ref: refs/heads/r* } }] }
  reports: { issuer: https://example.zitadel.cloud, secret: b, callers: ${CALLERS} }
`,
    );
    const args = [join(ROOT, 'infra/build/profiles.ts'), '--file', file];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const cells = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(cells.find(([name]) => name === 'orders')?.[5]).toBe('1 + 1 without IAM');
    expect(cells.find(([name]) => name === 'reports')?.[5]).toBe('1');
    expect(cells).toContainEqual(['orders', 'github repository_id=1 repository_owner_id=2 ref=refs/heads/r*']);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^warning: the issuer gitlab is of no use/),
      expect.stringMatching(/^warning: profile orders: the caller github .*choose such a branch/),
      '',
    ]);
  });
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
