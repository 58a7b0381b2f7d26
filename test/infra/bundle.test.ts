import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bundle, bundle, FUNCTIONS } from '../../infra/build/bundle.ts';

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
