import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { packagesIn, thirdPartyLicenses } from './licences.ts';

const root = join(import.meta.dirname, '../..');

/** The folder of the commands, which package.json publishes. */
export const CLI_FOLDER = join(root, 'bin');

/** The commands, by their names on the command line. */
export const COMMANDS: Readonly<Record<string, string>> = {
  proxy: 'infra/proxy/main.ts',
  doctor: 'infra/operations/doctor.ts',
  rotate: 'infra/operations/rotate.ts',
  flush: 'infra/operations/flush.ts',
  block: 'infra/operations/block.ts',
  fingerprint: 'infra/operations/fingerprint.ts',
  profiles: 'infra/build/profiles.ts',
};

/** How the sources name the commands. */
const NPM_RUN = new RegExp(`npm run (?:--silent )?(${Object.keys(COMMANDS).join('|')})\\b(?:( \\[?)-- ?)?`, 'g');

/** What a text names in the published package: `npx zitadel-token-broker doctor [--json]`. */
export const asPublished = (text: string): string => text.replace(NPM_RUN, 'npx zitadel-token-broker $1$2');

/**
 * Names the commands as a user of the package calls them, and lets paths of this project lead to where the user is: the
 * checkout of a deployment.
 */
const publish: Plugin = {
  name: 'publish',
  setup({ onLoad }) {
    onLoad({ filter: /\/(?:infra|lib|client)\/[^?]+\.ts$/ }, ({ path }) => {
      const folder = JSON.stringify(`/${relative(root, dirname(path))}`);
      const text = readFileSync(path, 'utf8').replaceAll('import.meta.dirname', `(process.cwd() + ${folder})`);
      return { contents: asPublished(text), loader: 'ts' };
    });
  },
};

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const COMMON: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  minify: true,
  legalComments: 'none',
  metafile: true,
  define: { 'import.meta.main': 'true', VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};

/** Packages that are CommonJS load Node's modules with `require`. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** One file of the package. */
export interface CliFile {
  readonly file: string;
  readonly bytes: number;
}

/** Builds the commands to JavaScript for Node 20 and later, with all packages that they use; the proxy into one file. */
export async function buildCli(outdir = CLI_FOLDER): Promise<readonly CliFile[]> {
  rmSync(outdir, { recursive: true, force: true });
  const bin = join(outdir, 'zitadel-token-broker.cjs');
  const { proxy = '', ...others } = COMMANDS;
  const common: BuildOptions = { ...COMMON, inject: ['infra/cli/node-20.ts'], plugins: [publish] };
  const commonjs = { ...common, format: 'cjs', outExtension: { '.js': '.cjs' } } as const;
  const made = await Promise.all([
    build({ ...commonjs, outdir, entryPoints: { 'zitadel-token-broker': 'infra/cli/main.ts' } }),
    // One file, for an image or a host that needs nothing else.
    build({ ...commonjs, outdir, entryPoints: { proxy } }),
    build({
      ...common,
      format: 'esm',
      outExtension: { '.js': '.mjs' },
      outdir,
      entryPoints: others,
      splitting: true,
      chunkNames: 'shared/[hash]',
      banner: { js: REQUIRE },
    }),
  ]);
  const outputs = made.flatMap(({ metafile }) => Object.entries(metafile?.outputs ?? {}));
  const inputs = outputs.flatMap(([, { inputs: parts }]) =>
    Object.entries(parts).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : [])),
  );
  writeFileSync(bin, `#!/usr/bin/env node\n${readFileSync(bin, 'utf8')}`);
  chmodSync(bin, 0o755);
  writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES'), thirdPartyLicenses(packagesIn(inputs, root)));
  return outputs.map(([file, { bytes }]) => ({ file, bytes }));
}

if (import.meta.main) {
  for (const { file, bytes } of await buildCli()) process.stdout.write(`${file}, ${Math.round(bytes / 1000)} kB\n`);
}
