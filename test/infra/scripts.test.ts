import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const { missing } = createRequire(import.meta.url)('../../infra/node-24.cjs') as {
  readonly missing: (version: string, exists: (path: string) => boolean) => string | undefined;
};

/** Before anything that needs Node 24 or a package; in the same process, where Node runs the script itself. */
const CHECKED = /^((exec )?node -r \.\/infra\/node-24\.cjs |node infra\/node-24\.cjs && )/;

test.each(Object.entries(manifest.scripts))('npm run %s says what is missing', (_name, script) => {
  // A script that starts with another one is checked by that one.
  const first = script.startsWith('npm run ') ? script.split(' ')[2] : undefined;
  expect(first === undefined ? script : Reflect.get(manifest.scripts, first)).toMatch(CHECKED);
});

describe('what is missing', () => {
  const NODE_20 = 'v20.20.2';
  const NODE_24 = 'v24.0.0';
  const installed = ['node_modules', 'node_modules/node'];

  test.each<[situation: string, version: string, paths: readonly string[], expected: RegExp | undefined]>([
    ['nothing', NODE_24, installed, undefined],
    ['nothing, on a later Node', 'v26.1.0', installed, undefined],
    ['all packages', NODE_20, [], /run npm ci\.$/],
    ['all packages, with Node 24 at hand', NODE_24, [], /run npm ci\.$/],
    ['the development packages', NODE_20, ['node_modules'], /run npm ci --include=dev\.$/],
    ['Node 24', NODE_20, installed, /Node 24, and node is v20\.20\.2: run npm rebuild node --ignore-scripts=false/],
    ['Node 24, on the one before', 'v23.11.1', installed, /Node 24, and node is v23\.11\.1/],
  ])('%s', (_situation, version, paths, expected) => {
    const sentence = missing(version, (path) => paths.includes(path));
    if (expected === undefined) expect(sentence).toBeUndefined();
    else expect(sentence).toMatch(expected);
  });
});

test('ends a script before it starts', () => {
  const asNode20 = "Object.defineProperty(process, 'version', { value: 'v20.20.2' });";
  const preload = `data:text/javascript,${encodeURIComponent(asNode20)}`;
  const run = () =>
    execFileSync(process.execPath, ['--import', preload, 'infra/node-24.cjs'], { cwd: root, stdio: 'pipe' });
  expect(run).toThrow(/This needs Node 24, and node is v20\.20\.2/);
});
