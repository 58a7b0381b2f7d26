import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

/** What a user gets. */
let packed: { readonly files: readonly { readonly path: string }[] };
beforeAll(() => {
  execFileSync(process.execPath, ['build.mjs'], { cwd: root });
  const text = execFileSync(NPM, ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' });
  [packed] = Object.values(JSON.parse(text)) as [typeof packed];
}, 60_000);

/** The core as a bundler makes it. */
async function bundled(options: object = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'dist/index.js')],
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

test('the core is small', async () => {
  expect(gzipSync(await bundled(), { level: 9 }).length).toBeLessThanOrEqual(MOST_BYTES);
});

describe('each subpath', () => {
  const subpaths = Object.entries<{ types: string; default: string } | string>(manifest.exports).flatMap(
    ([path, of]) => (typeof of === 'string' ? [] : [[path, of] as const]),
  );
  test.each(subpaths)('%s has its file and its types, which are packed', (_path, { types, default: file }) => {
    for (const one of [types, file]) {
      expect(existsSync(join(root, one))).toBe(true);
      expect(packed.files.map(({ path }) => `./${path}`)).toContain(one);
    }
    expect(existsSync(join(root, `src/${file.replace(/^.*\/|\.js$/g, '')}.ts`))).toBe(true);
  });

  test('there are no others', () => {
    expect(subpaths.map(([path]) => path)).toEqual(['.', './axios', './connect', './grpc']);
  });
});

test('nothing else is packed', () => {
  const others = packed.files.map(({ path }) => path).filter((path) => !/^dist\/[a-z0-9-]+\.(js|d\.ts)$/.test(path));
  expect(others.sort()).toEqual(['API.md', 'LICENSE', 'README.md', 'package.json']);
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

test('API.md says what the types say: npm run api', () => {
  const printed = execFileSync(process.execPath, ['api.mjs'], { cwd: root, encoding: 'utf8' });
  expect(readFileSync(join(root, 'API.md'), 'utf8')).toBe(printed);
  for (const name of ['createBroker', 'Profile', 'brokerInterceptor']) expect(printed).toContain(`### ${name}\n`);
});

test('the types find each other', () => {
  const types = packed.files.map(({ path }) => path).filter((path) => path.endsWith('.d.ts'));
  for (const path of types) {
    const imported = [...readFileSync(join(root, path), 'utf8').matchAll(/from '(\.\/[^']+)'/g)].map(
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
