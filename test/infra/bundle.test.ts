import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bundle, bundle, FEDERATED, FUNCTIONS } from '../../infra/build/bundle.ts';

const profileOf = (name: string) =>
  `profiles: { ${name}: { issuer: https://example.zitadel.cloud, secret: zitadel/${name}, scopes: ["it's"], callers: [arn:aws:iam::123456789012:role/${name}] } }`;

const home = mkdtempSync(join(tmpdir(), 'bundle-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Bundles profiles whose files are written in this order. */
async function make(at: string, files: readonly string[]): Promise<readonly Bundle[]> {
  const profilesFile = join(home, at, 'profiles');
  mkdirSync(profilesFile, { recursive: true });
  for (const name of files) writeFileSync(join(profilesFile, `${name}.yml`), profileOf(name));
  return bundle({ profilesFile, outdir: join(home, at) });
}

const text = (at: string, name: string, file = 'index.cjs') => readFileSync(join(home, at, name, file), 'utf8');

describe('the bundles', () => {
  let made: readonly Bundle[];
  beforeAll(async () => {
    made = await make('one', ['orders', 'billing', 'shipping']);
    await make('other', ['shipping', 'billing', 'orders']);
  });

  test.each(FUNCTIONS)('%s: the same files, in whatever order they were written, give the same bytes', (name) => {
    expect(text('other', name)).toBe(text('one', name));
    expect(text('other', name, 'THIRD-PARTY-LICENSES')).toBe(text('one', name, 'THIRD-PARTY-LICENSES'));
  });

  test.each(FUNCTIONS)('%s: the profiles are a text, and only where they are used', (name) => {
    const [, literal = '[]'] =
      /JSON\.parse\(('\[\[(?:[^'\\]|\\.)*'|`\[\[(?:[^`\\]|\\.)*`)\)/.exec(text('one', name)) ?? [];
    const profiles = name === 'metadata' ? [] : ['billing', 'orders', 'shipping'];
    const compiled: [string, { scopes: string[] }][] = JSON.parse(
      literal.replace(/^['`]|['`]$/g, '').replaceAll("\\'", "'"),
    );
    expect(compiled.map(([key]) => key)).toEqual(profiles);
    expect(compiled.flatMap(([, { scopes }]) => scopes)).toEqual(profiles.map(() => "it's"));
    const sources = made.find((one) => one.name === name)?.sources.map(([source]) => source);
    expect(sources?.includes('the profiles')).toBe(profiles.length > 0);
  });
});

describe('callers without IAM', () => {
  const ISSUERS = 'issuers: { cluster: { kind: kubernetes, issuer: https://cluster.example } }\n';
  const WORKLOAD = '{ kubernetes: { issuer: cluster, namespace: shop, serviceAccount: pod } }';
  // biome-ignore format: one profile a line
  const profiles = (more: string) => `profiles:
  orders: { issuer: https://example.zitadel.cloud, secret: zitadel/orders, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: [arn:aws:iam::123456789012:role/orders] }
  shipping: { issuer: https://example.zitadel.cloud, secret: zitadel/shipping, subject: orders, callers: [arn:aws:iam::123456789012:role/shipping${more}] }
  reports: { issuer: https://example.zitadel.cloud, secret: zitadel/reports, callers: [arn:aws:iam::123456789012:role/reports] }
`;
  async function make(at: string, document: string) {
    const profilesFile = join(home, `${at}.yml`);
    writeFileSync(profilesFile, document);
    return bundle({ profilesFile, outdir: join(home, at) });
  }
  let made: readonly Bundle[];
  beforeAll(async () => {
    await make('without', profiles(''));
    await make('issuers', ISSUERS + profiles(''));
    made = await make('with', ISSUERS + profiles(`, ${WORKLOAD}`));
  });

  test('without one, no bundle is made for them', () => {
    expect(existsSync(join(home, 'without', FEDERATED))).toBe(false);
    expect(existsSync(join(home, 'issuers', FEDERATED))).toBe(false);
  });

  test.each(FUNCTIONS)('%s: does not grow by them, not by a byte', (name) => {
    expect(text('issuers', name)).toBe(text('without', name));
    expect(text('with', name)).toBe(text('without', name));
  });

  test('only their function holds what verifies assertions', () => {
    const holding = made.filter(({ sources }) => sources.some(([source]) => source === 'lib/broker/federation'));
    expect(holding.map(({ name }) => name)).toEqual([FEDERATED]);
  });

  test('their function holds their profiles and what these exchange, and no role', () => {
    const bundled = text('with', FEDERATED);
    for (const secret of ['zitadel/orders', 'zitadel/shipping', 'https://cluster.example'])
      expect(bundled).toContain(secret);
    for (const other of ['zitadel/reports', '"role":"shipping"']) expect(bundled.includes(other)).toBe(false);
  });
});
