import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const readJson = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));

/** A package as the lock knows it. */
interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly inBundle?: boolean;
}

const manifest: {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
} = readJson('package.json');
const { packages }: { packages: Record<string, Locked> } = readJson('package-lock.json');
const locked = Object.entries(packages).filter(([path]) => path !== '');
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What is deployed: the rest serves to build and to test. */
const deployed = locked.filter(([, { dev = false }]) => !dev);

/** Licences that ask no more than to be named: `npm run bundle` writes them down. */
const LICENCES = ['Apache-2.0', 'MIT', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC'];

describe('the packages', () => {
  test('are few where they are deployed', () => {
    expect(Object.keys(manifest.dependencies)).toEqual([
      '@aws-sdk/client-dynamodb',
      '@aws-sdk/client-secrets-manager',
      'jose',
    ]);
    expect(deployed.length).toBeGreaterThan(Object.keys(manifest.dependencies).length);
  });

  test.each(Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))(
    '%s has one exact version: %s',
    (_name, version) => expect(version).toMatch(/^\d+\.\d+\.\d+$/),
  );

  test('are known by their content, and from nowhere in particular', () => {
    const unknown = locked.filter(([, { integrity, inBundle }]) => !integrity?.startsWith('sha512-') && !inBundle);
    // The linter's builds for other platforms: a tool of development, and no part of what is deployed.
    const others = unknown.filter(([path, { dev, optional }]) => !(dev && optional && path.includes('/@biomejs/cli-')));
    expect(others.map(([path]) => path)).toEqual([]);
    expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  test('run nothing when they are installed, but for the one that must', () => {
    const scripts = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
    expect([...new Set(scripts)].sort()).toEqual(Object.keys(manifest.allowScripts).sort());
    expect(Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name])).toEqual(['node']);
  });

  test('that are deployed have licences that go with ours', () => {
    expect(deployed.filter(([, { license = '' }]) => !LICENCES.includes(license)).map(([path]) => path)).toEqual([]);
  });
});

test('the bill of materials names what is deployed, with version and licence', () => {
  const text = execFileSync(process.execPath, ['infra/build/sbom.ts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { components }: { components: { name: string; version: string; licenses?: unknown[] }[] } = JSON.parse(text);
  const named = components.map(({ name, version }) => `${name}@${version}`);
  expect(named.sort()).toEqual(
    [...new Set(deployed.map(([path, { version }]) => `${nameOf(path)}@${version}`))].sort(),
  );
  expect(components.filter(({ licenses = [] }) => licenses.length === 0)).toEqual([]);
});
