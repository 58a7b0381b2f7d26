import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import {
  type CheckResult,
  checkPackage,
  createPackageFromTarballData,
  Package,
  type Problem,
} from '@arethetypeswrong/core';
import { build } from 'esbuild';
import { publint } from 'publint';
import { describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packed = inject('packed');
const installed = join(packed.project, 'node_modules', manifest.name);
const tarball = new Uint8Array(readFileSync(packed.tarball));

/** The core as a bundler makes it. */
async function bundled(options: object = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(installed, 'dist/index.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    write: false,
    ...options,
  });
  return outputFiles?.[0]?.text ?? '';
}

/** Minified and gzipped. */
const MOST_BYTES = 4_500;
/** The tarball. */
const MOST_PACKED_BYTES = 20_000;

test('the core is small', async () => {
  expect(gzipSync(await bundled(), { level: 9 }).length).toBeLessThanOrEqual(MOST_BYTES);
});

const subpaths = Object.entries<{ types: string; default: string } | string>(manifest.exports).flatMap(([path, of]) =>
  typeof of === 'string' ? [] : [[path, of] as const],
);

describe('each subpath', () => {
  test.each(subpaths)('%s has its file and its types, which are packed', (_path, { types, default: file }) => {
    for (const one of [types, file]) {
      expect(existsSync(join(installed, one))).toBe(true);
      expect(packed.files.map((path) => `./${path}`)).toContain(one);
    }
    expect(existsSync(join(root, `src/${file.replace(/^.*\/|\.js$/g, '')}.ts`))).toBe(true);
  });

  test('there are no others', () => {
    expect(subpaths.map(([path]) => path)).toEqual(['.', './axios', './connect', './grpc', './nice-grpc', './undici']);
  });
});

test('these files are packed, and no others', () => {
  const built = readdirSync(join(root, 'src')).map((name) => `dist/${name.replace('.ts', '.d.ts')}`);
  const entries = subpaths.map(([, { default: file }]) => file.slice(2));
  expect(packed.files).toEqual(['API.md', 'LICENSE', 'README.md', 'package.json', ...built, ...entries].sort());
});

test('the package is small', () => {
  expect(tarball.length).toBeLessThanOrEqual(MOST_PACKED_BYTES);
});

describe('publint and attw', () => {
  /** What publint says of a package of these files. */
  const lint = async (files: readonly { name: string; data: Uint8Array }[]) =>
    (await publint({ strict: true, pkgDir: 'package', pack: { files: [...files] } })).messages.map(({ code }) => code);
  /** How an ESM package is resolved; others cannot load it before Node 22, and `node10` knows no subpaths. */
  const RESOLUTIONS = ['node16-esm', 'bundler'];
  /** What attw says of the types in a package. */
  const checkTypes = async (of: Package): Promise<readonly string[]> => {
    const { problems } = (await checkPackage(of)) as CheckResult & { problems?: readonly Problem[] };
    if (problems === undefined) return ['no types'];
    return problems.flatMap((one) =>
      'resolutionKind' in one && !RESOLUTIONS.includes(one.resolutionKind) ? [] : [`${one.kind}`],
    );
  };
  const files = packed.files.map((name) => ({
    name: `package/${name}`,
    data: new Uint8Array(readFileSync(join(installed, name))),
  }));

  test('find no fault in the tarball', async () => {
    expect((await publint({ strict: true, pack: { tarball: tarball.buffer } })).messages).toEqual([]);
    expect(await checkTypes(createPackageFromTarballData(tarball))).toEqual([]);
  });

  test('would find types that are missing', async () => {
    const without = files.filter(({ name }) => !name.endsWith('/undici.d.ts'));
    expect(await lint(without)).toEqual(['FILE_DOES_NOT_EXIST']);
    const held = Object.fromEntries(
      without.map(({ name, data }) => [name.replace('package/', `/node_modules/${manifest.name}/`), data]),
    );
    expect(await checkTypes(new Package(held, manifest.name, manifest.version))).toEqual(
      RESOLUTIONS.map(() => 'UntypedResolution'),
    );
  });
});

test('no dependency, and nothing of the broker', () => {
  expect(manifest.dependencies).toBeUndefined();
  const sources = readdirSync(join(root, 'src')).map((name) => readFileSync(join(root, 'src', name), 'utf8'));
  const imported = sources.flatMap((text) =>
    [...text.matchAll(/(?:from |import\()'([^']+)'/g)].map(([, to = '']) => to),
  );
  expect([...new Set(imported)].filter((to) => !/^\.\/[a-z0-9-]+\.ts$/.test(to))).toEqual(
    expect.arrayContaining(['node:fs/promises']),
  );
});

test.skipIf(process.platform === 'win32')('a release needs the tag of its version', () => {
  const folder = join(root, '../.github/workflows');
  const steps: { name?: string; run: string }[] = readdirSync(folder)
    .map((name) => parse(readFileSync(join(folder, name), 'utf8')).jobs.publish?.steps)
    .flatMap((of) => of ?? []);
  const run = steps.find(({ name }) => name === 'The tag names the version')?.run ?? '';
  const check = (tag: string) =>
    spawnSync('sh', ['-c', run], { cwd: root, env: { ...process.env, GITHUB_REF_NAME: tag } }).status;
  expect([`client-v${manifest.version}`, 'client-v9.9.9'].map(check)).toEqual([0, 1]);
});

test('API.md says what the types say: npm run api', () => {
  const printed = execFileSync(process.execPath, ['api.mjs'], { cwd: root, encoding: 'utf8' });
  expect(readFileSync(join(root, 'API.md'), 'utf8')).toBe(printed);
  for (const name of ['createBroker', 'Profile', 'brokerInterceptor']) expect(printed).toContain(`### ${name}\n`);
});

test('the types find each other', () => {
  const types = packed.files.filter((path) => path.endsWith('.d.ts'));
  for (const path of types) {
    const imported = [...readFileSync(join(installed, path), 'utf8').matchAll(/from '(\.\/[^']+)'/g)].map(
      ([, to = '']) => to,
    );
    for (const to of imported) expect(types).toContain(`dist/${to.slice(2).replace(/\.[jt]s$/, '.d.ts')}`);
    expect(imported.filter((to) => !to.endsWith('.js'))).toEqual([]);
  }
});

test('the core runs where there is no Node: Web Crypto and fetch are enough', async () => {
  const code = await bundled({ format: 'iife', globalName: 'client' });
  const asked: string[] = [];
  const fetch = async (url: URL) => {
    asked.push(String(url));
    return Response.json({ access_token: 'the-token', expires_in: 60 });
  };
  const web = {
    crypto,
    fetch,
    URL,
    URLSearchParams,
    TextEncoder,
    AbortSignal,
    Headers,
    Request,
    Response,
    performance,
  };
  const run = `${code}; client.createBroker({
    url: 'https://a1.execute-api.eu-central-1.amazonaws.com',
    credentials: async () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
  }).profile('orders').token()`;
  const { token } = await runInContext(run, createContext(web));
  expect(token).toBe('the-token');
  expect(asked).toEqual(['https://a1.execute-api.eu-central-1.amazonaws.com/orders/oauth/v2/token']);
});
