import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, FEDERATED, FUNCTIONS } from '../../infra/build/bundle.ts';
import { packagesIn, thirdPartyLicenses } from '../../infra/build/licences.ts';
import { EVERYTHING } from './template/essentials.ts';

const root = join(import.meta.dirname, '../..');
const readJson = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));

/** A package as the lock knows it. */
interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly inBundle?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly workspaces: readonly string[];
}

/** By path: `node_modules/a/node_modules/b`; `''` is the project itself, and a workspace is at its folder. */
type Lock = Readonly<Record<string, Locked>>;

const manifest: Manifest = readJson('package.json');
const lock: Lock = readJson('package-lock.json').packages;

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Whether it is a workspace, or the link to one, which names a folder of this project and no host. */
const isWorkspace = (path: string, { link, resolved = '' }: Locked): boolean =>
  manifest.workspaces.includes(link === true ? resolved : path);

const packagesOf = (of: Lock) => Object.entries(of).filter(([path, it]) => path !== '' && !isWorkspace(path, it));

/** Licences that ask no more than to be named: `npm run bundle` writes them down. */
const LICENCES = ['Apache-2.0', 'MIT', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC'];

/** The linter's builds for other platforms: a tool of development, and no part of what is deployed. */
const isForAnotherPlatform = (path: string, { dev, optional }: Locked): boolean =>
  dev === true && optional === true && path.startsWith('node_modules/@biomejs/cli-');

const isKnown = ({ integrity }: Locked): boolean => /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '');

/** Whether a package that comes within another is covered by the digest of that one. */
const isWithinAnother = (of: Lock, path: string, { inBundle }: Locked): boolean => {
  const outer = path.slice(0, path.lastIndexOf('/node_modules/'));
  const around = of[outer];
  return inBundle === true && around !== undefined && (isKnown(around) || isWithinAnother(of, outer, around));
};

/** Each rule answers the names or paths of what breaks it. */
const RULES = {
  'every dependency has one exact version': ({ devDependencies }) =>
    Object.entries(devDependencies)
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
      .map(([name]) => name),

  'the lock holds the versions of package.json': ({ devDependencies }, of) =>
    Object.entries(devDependencies)
      .filter(([name, version]) => of[`node_modules/${name}`]?.version !== version)
      .map(([name]) => name),

  'packages are known by their content': (_manifest, of) =>
    packagesOf(of)
      .filter(([path, it]) => !isKnown(it) && !isWithinAnother(of, path, it) && !isForAnotherPlatform(path, it))
      .map(([path]) => path),

  'packages come from nowhere in particular': (_manifest, of) =>
    packagesOf(of)
      .filter(([, { resolved, link }]) => resolved !== undefined || link !== undefined)
      .map(([path]) => path),

  'the linter can be installed on all platforms': (_manifest, of) =>
    Object.keys(of['node_modules/@biomejs/biome']?.optionalDependencies ?? { 'no linter': '' }).filter(
      (name) => of[`node_modules/${name}`] === undefined,
    ),

  'packages with install scripts are known by name': ({ allowScripts }, of) =>
    packagesOf(of)
      .filter(([path, { hasInstallScript }]) => hasInstallScript === true && !(nameOf(path) in allowScripts))
      .map(([path]) => path),

  'only the one that must runs its script, and no rule outlives its package': ({ allowScripts }, of) =>
    Object.entries(allowScripts)
      .filter(([name, runs]) => {
        const hasScript = packagesOf(of).some(([path, it]) => nameOf(path) === name && it.hasInstallScript === true);
        return !hasScript || runs !== (name === 'node');
      })
      .map(([name]) => name),
} as const satisfies Record<string, (manifest: Manifest, of: Lock) => readonly string[]>;

type RuleName = keyof typeof RULES;
const ruleNames = Object.keys(RULES) as RuleName[];

test.each(ruleNames)('%s', (name) => expect(RULES[name](manifest, lock)).toEqual([]));

/** What the functions may import. */
const AT_RUN_TIME = [
  '@aws-sdk/client-secrets-manager',
  '@aws-sdk/core',
  '@smithy/core',
  '@smithy/signature-v4',
  'jose',
];

test('few packages are asked for at run time', () => {
  const imported = ['lib', 'functions'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => [
        ...readFileSync(join(root, folder, name), 'utf8').matchAll(
          /^(?:import|export)(?! type)\b[^;]*? from '([@a-z][^:']*)';$/gm,
        ),
      ])
      .map(([, path = '']) =>
        path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  );
  expect([...new Set(imported)].sort()).toEqual(AT_RUN_TIME);
});

describe('what would be found', () => {
  const jose = lock['node_modules/jose'] ?? { version: '' };
  const unknown = { ...jose, integrity: '' };
  const withoutWindows = Object.fromEntries(Object.entries(lock).filter(([path]) => !path.endsWith('/cli-win32-x64')));
  const allowScripts = { ...manifest.allowScripts };

  // biome-ignore format: one fault a line
  test.each<readonly [RuleName, fault: string, Manifest, Lock, found: string]>([
    ['every dependency has one exact version', 'a range', { ...manifest, devDependencies: { jose: '^6.2.18' } }, lock, 'jose'],
    ['every dependency has one exact version', 'a repository', { ...manifest, devDependencies: { ajv: 'github:ajv/ajv' } }, lock, 'ajv'],
    ['the lock holds the versions of package.json', 'another version', { ...manifest, devDependencies: { jose: '6.2.17' } }, lock, 'jose'],
    ['packages are known by their content', 'no digest', manifest, { ...lock, 'node_modules/jose': unknown }, 'node_modules/jose'],
    ['packages are known by their content', 'an old digest', manifest, { ...lock, 'node_modules/jose': { ...jose, integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' } }, 'node_modules/jose'],
    ['packages are known by their content', 'said to come within nothing', manifest, { ...lock, 'node_modules/jose': { ...unknown, inBundle: true } }, 'node_modules/jose'],
    ['packages are known by their content', 'within one that is not known', manifest, { 'node_modules/a': { version: '1.0.0' }, 'node_modules/a/node_modules/b': { version: '1.0.0', inBundle: true } }, 'node_modules/a/node_modules/b'],
    ['packages are known by their content', 'a linter that is deployed', manifest, { 'node_modules/@biomejs/cli-x': { version: '1.0.0', optional: true } }, 'node_modules/@biomejs/cli-x'],
    ['packages come from nowhere in particular', 'a host', manifest, { ...lock, 'node_modules/jose': { ...jose, resolved: 'https://registry.example/jose.tgz' } }, 'node_modules/jose'],
    ['packages come from nowhere in particular', 'a folder that is no workspace', manifest, { ...lock, 'node_modules/jose': { ...jose, resolved: '../jose', link: true } }, 'node_modules/jose'],
    ['packages come from nowhere in particular', "a workspace's name, and a host", manifest, { ...lock, 'node_modules/zitadel-token-broker-client': { version: '0.1.0', resolved: 'https://registry.example/client', link: true } }, 'node_modules/zitadel-token-broker-client'],
    ['packages come from nowhere in particular', 'a folder without a name', manifest, { ...lock, 'node_modules/jose': { ...jose, link: true } }, 'node_modules/jose'],
    ['the linter can be installed on all platforms', 'one less', manifest, withoutWindows, '@biomejs/cli-win32-x64'],
    ['packages with install scripts are known by name', 'one more', manifest, { ...lock, 'node_modules/jose': { ...jose, hasInstallScript: true } }, 'node_modules/jose'],
    ['only the one that must runs its script, and no rule outlives its package', 'one more runs', { ...manifest, allowScripts: { ...allowScripts, esbuild: true } }, lock, 'esbuild'],
    ['only the one that must runs its script, and no rule outlives its package', 'one that is gone', { ...manifest, allowScripts: { ...allowScripts, sharp: false } }, lock, 'sharp'],
  ])('%s: %s', (name, _fault, ofManifest, ofLock, found) => {
    expect(RULES[name](ofManifest, ofLock)).toContain(found);
  });
});

/** A package with all that it asks for, by their paths in the lock. */
function withDependencies(name: string, from = '', found = new Set<string>()): ReadonlySet<string> {
  const path = `${from}${from === '' ? '' : '/'}node_modules/${name}`;
  if (lock[path] === undefined) {
    const outer = from.lastIndexOf('/node_modules/');
    return from === '' ? found : withDependencies(name, outer < 0 ? '' : from.slice(0, outer), found);
  }
  if (found.has(path)) return found;
  found.add(path);
  for (const dependency of Object.keys(lock[path].dependencies ?? {})) withDependencies(dependency, path, found);
  return found;
}

/** `name@version` of each package that may be deployed. */
const deployable = new Set(
  AT_RUN_TIME.flatMap((name) => [...withDependencies(name)]).map((path) => `${nameOf(path)}@${lock[path]?.version}`),
);

/** Name, version and licence of each package that the bundles say they hold. */
let held: readonly (readonly string[])[];
let texts: readonly string[];
const outdir = mkdtempSync(join(tmpdir(), 'bundles-'));
const profilesFile = join(outdir, 'profiles.yml');
beforeAll(async () => {
  writeFileSync(profilesFile, EVERYTHING);
  await bundle({ profilesFile, outdir });
  texts = [...FUNCTIONS, FEDERATED].map((name) => readFileSync(join(outdir, name, 'THIRD-PARTY-LICENSES'), 'utf8'));
  held = texts.flatMap((text) => [...text.matchAll(/^- (\S+) (\S+) \((.+)\)$/gm)].map(([, ...of]) => of));
});
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

describe('the bill of materials', () => {
  let bom: {
    readonly metadata: { readonly component: { readonly name: string } };
    readonly components: readonly { name: string; version: string; licenses?: unknown[]; hashes?: unknown[] }[];
  };
  beforeAll(() => {
    const text = execFileSync(process.execPath, ['infra/build/sbom.ts'], {
      cwd: root,
      env: { ...process.env, PROFILES_FILE: profilesFile },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    bom = JSON.parse(text);
  });

  test('names what is deployed, and nothing else', () => {
    expect(bom.components.map(({ name, version }) => `${name}@${version}`).sort()).toEqual(
      [...new Set(held.map(([name, version]) => `${name}@${version}`))].sort(),
    );
  });

  test('with licences and digests', () => {
    const bare = bom.components.filter(
      ({ licenses = [], hashes = [] }) => licenses.length === 0 || hashes.length === 0,
    );
    expect(bare).toEqual([]);
  });

  // npm names the project after the folder that it lies in.
  test('is of this project, whatever its folder is called', () => {
    expect(bom.metadata.component.name).toBe('zitadel-token-broker');
  });
});

test('the bundles hold code of few packages, whose licences go with ours, and name them', () => {
  expect(held.map(([name, version]) => `${name}@${version}`).filter((name) => !deployable.has(name))).toEqual([]);
  expect(held.filter(([, , licence = '']) => !LICENCES.includes(licence))).toEqual([]);
  expect(held.map(([name]) => name)).toEqual(expect.arrayContaining(AT_RUN_TIME));
  expect(texts[FUNCTIONS.indexOf('metadata')]).toBe('No third-party software is contained.\n');
});

describe('the licences of a bundle', () => {
  const home = mkdtempSync(join(tmpdir(), 'licences-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const PACKAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'node_modules/@a/without': {},
    'node_modules/b': { LICENSE: 'Free.\r\nFor all.\n' },
    'node_modules/@a/a': { 'LICENSE.md': 'Free.\nFor all.', NOTICE: 'Made by A.' },
    'node_modules/b/node_modules/c': { 'Licence-MIT.txt': 'C is free.', 'licenses.js': 'code' },
    'node_modules/bare': { NOTICE: 'Made by Bare.' },
  };
  for (const [folder, files] of Object.entries(PACKAGES)) {
    mkdirSync(join(home, folder), { recursive: true });
    const name = nameOf(folder);
    const repository = name.startsWith('@a/') ? { repository: { url: 'https://example.com/a' } } : {};
    const described = { name, version: '1.0.0', license: 'MIT', ...repository };
    writeFileSync(join(home, folder, 'package.json'), JSON.stringify(described));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(home, folder, file), text);
  }

  test('each package once, equal texts once, and notices', () => {
    const inputs = ['b/x.js', 'b/y.js', 'b/node_modules/c/x.js', '@a/a/x.js'].map((name) => `node_modules/${name}`);
    const rule = '-'.repeat(80);
    expect(
      thirdPartyLicenses(packagesIn([...inputs, 'lib/core/time.ts'], home)),
    ).toBe(`This contains third-party software:

- @a/a 1.0.0 (MIT)
- b 1.0.0 (MIT)
- c 1.0.0 (MIT)

${rule}
@a/a 1.0.0 (MIT)
b 1.0.0 (MIT)
${rule}

Free.
For all.

${rule}
@a/a 1.0.0 (MIT)
${rule}

Made by A.

${rule}
c 1.0.0 (MIT)
${rule}

C is free.
`);
  });

  test('a package without a text has that of another one of its repository', () => {
    const inputs = ['@a/without/x.js', '@a/a/x.js'].map((name) => `node_modules/${name}`);
    expect(thirdPartyLicenses(packagesIn(inputs, home))).toContain('@a/a 1.0.0 (MIT)\n@a/without 1.0.0 (MIT)\n');
    expect(() => thirdPartyLicenses(packagesIn(inputs.slice(0, 1), home))).toThrow(
      '@a/without 1.0.0 (MIT): holds no text',
    );
  });

  test('a package without the text of its licence stops the build', () => {
    expect(() => thirdPartyLicenses(packagesIn(['node_modules/bare/x.js'], home))).toThrow(
      'bare 1.0.0 (MIT): holds no text',
    );
  });
});
