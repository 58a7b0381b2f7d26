// Builds dist: one file for each subpath of package.json, and their types. Needs the packages of the repository.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = import.meta.dirname;
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.values(exports).flatMap(({ default: file }) =>
  file ? [file.replace(/^.*\/(.+)\.js$/, '$1')] : [],
);

rmSync(join(root, 'dist'), { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: entries.map((name) => `src/${name}.ts`),
  outdir: 'dist',
  bundle: true,
  packages: 'external',
  external: ['node:*'],
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  legalComments: 'none',
});
const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
const tsc = join(dirname(typescript), 'bin/tsc');
execFileSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.json')], { stdio: 'inherit' });

// The compiler leaves the extensions of the sources in types.
for (const name of readdirSync(join(root, 'dist')).filter((file) => file.endsWith('.d.ts'))) {
  const file = join(root, 'dist', name);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/(from '\.\/[^']+)\.ts'/g, "$1.js'"));
}
copyFileSync(join(root, '../LICENSE'), join(root, 'LICENSE'));
