// Before the tests of the client: builds and packs it once, and unpacks it into a project that has its peers and nothing else.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestProject } from 'vitest/node';

/** What a user gets. */
export interface Packed {
  /** The tarball. */
  readonly tarball: string;
  /** The project that has installed it: its `node_modules` holds the client and its peers. */
  readonly project: string;
  /** Paths in the package, sorted. */
  readonly files: readonly string[];
}

declare module 'vitest' {
  interface ProvidedContext {
    packed: Packed;
  }
}

/** What the code of the README uses besides the peers. */
const BESIDES = ['@types/node', '@connectrpc/connect-node', '@zitadel/client', '@zitadel/node'];

const root = join(import.meta.dirname, '..');
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

export default function setup(test: TestProject): () => void {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'client-')));
  const text = execFileSync(NPM, ['pack', '--json', '--silent', '--pack-destination', project], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ filename, files }] = Object.values(JSON.parse(text.slice(text.search(/^[[{]/m)))) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  const tarball = join(project, filename);
  const { name, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const installed = join(project, 'node_modules', name);
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  for (const peer of [...Object.keys(peerDependencies), ...BESIDES]) {
    const link = join(project, 'node_modules', peer);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, '../node_modules', peer), link, 'junction');
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  test.provide('packed', { tarball, project, files: files.map(({ path }) => path).sort() });
  return () => rmSync(project, { recursive: true, force: true });
}
