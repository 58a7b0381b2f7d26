import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Metafile, type Plugin } from 'esbuild';
import type { CompiledProfiles } from '../../lib/compose/environment.ts';
import { chosenProfilesFile, readProfilesFile } from './profiles-file.ts';

const HELP = `Bundles each function into one file, the profiles and the AWS SDK included.

  npm run bundle -- [--analyze]

  --analyze   prints the biggest parts of each bundle
  --help      this text

The profiles are those of $PROFILES_FILE, else infra/profiles.yml; npm run profiles checks them.
What esbuild knows of a bundle is in .build/{function}.meta.json, whose code it holds in .build/licences.txt.
`;

/** The functions, by the names of their files in functions/. */
export const FUNCTIONS = ['token', 'introspect', 'revoke', 'metadata', 'prewarm'] as const;

/** A bundle that was made. */
export interface Bundle {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  /** Its biggest parts, a line each. */
  readonly analysis: string;
  /** What it is made of, packages and folders of the project, and how many bytes of each, biggest first. */
  readonly sources: readonly (readonly [name: string, bytes: number])[];
}

const root = join(import.meta.dirname, '../..');

/** The profiles as the functions take them: what is checked here need not be at each start. */
function readProfiles(file: string): CompiledProfiles {
  const profiles = readProfilesFile(file, { allowLoopbackHttp: false });
  if (!profiles.ok) throw new Error(profiles.error.join('\n'));
  return [...profiles.value];
}

/** What the AWS SDK brings along that nothing here uses, and that a cold start would pay for: what each gives instead. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  // Credentials come from the environment (lib/aws/environment.ts): the chain of other places is a third of the SDK.
  '@aws-sdk/credential-provider-node':
    'export const defaultProvider = () => () => Promise.reject(new Error("the chain of credential providers is left out"));',
  // A function has no ~/.aws/config, and what would read it loads a tenth of Node's own modules.
  'node:fs/promises':
    'export const readFile = () => Promise.reject(new Error("shared configuration files are left out"));',
  // Secrets Manager answers plain JSON.
  '@smithy/core/event-streams': 'throw new Error("event streams are left out");',
};

const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:@|node:)/ }, ({ path }) =>
      path in LEFT_OUT ? { path, namespace: 'left-out' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({ contents: LEFT_OUT[path] ?? '' }));
  },
};

/** What went into a bundle, and how many bytes of it, biggest first. */
const parts = ({ outputs }: Metafile): readonly (readonly [input: string, bytes: number])[] =>
  Object.values(outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .map(([input, { bytesInOutput }]) => [input, bytesInOutput] as const)
    .filter(([, bytes]) => bytes > 0)
    .sort(([, a], [, b]) => b - a);

const PARTS_SHOWN = 15;

const analyze = (metafile: Metafile): string =>
  parts(metafile)
    .slice(0, PARTS_SHOWN)
    .map(([input, bytes]) => `  ${(bytes / 1000).toFixed(1).padStart(6)} kB  ${input}\n`)
    .join('');

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+\//;

/** Where a part of a bundle is from: a package, a folder of the project, or the bundler. */
function sourceOf(input: string): string {
  if (input.startsWith('<define:')) return 'the profiles';
  if (input.startsWith('left-out:')) return 'instead of what is left out';
  return PACKAGE.exec(input)?.[0].replace(/^.*node_modules\/|\/$/g, '') ?? dirname(input);
}

function sourcesOf(metafile: Metafile): Bundle['sources'] {
  const sizes = new Map<string, number>();
  for (const [input, bytes] of parts(metafile)) {
    const source = sourceOf(input);
    sizes.set(source, (sizes.get(source) ?? 0) + bytes);
  }
  return [...sizes].sort(([, a], [, b]) => b - a);
}

/** The packages whose code is in the bundles, with version and licence: the bundles keep no comments that say so. */
function licences(metafiles: readonly Metafile[]): string {
  const folders = metafiles.flatMap(parts).flatMap(([input]) => PACKAGE.exec(input)?.[0] ?? []);
  const lines = [...new Set(folders)].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return `${name} ${version} ${license}\n`;
  });
  return lines.sort().join('');
}

/**
 * Bundles the functions to `{outdir}/{name}/index.cjs`. CommonJS: an import of `node:http` in ESM loads undici with it,
 * which a cold start would pay for. What esbuild knows of a bundle goes to `{outdir}/{name}.meta.json`, the packages
 * and their licences to `{outdir}/licences.txt`: beside the folders that are packaged, not in them.
 * @throws {Error} with every fault of the profiles and its place
 */
export async function bundle({
  profilesFile,
  outdir,
}: {
  profilesFile: string;
  outdir: string;
}): Promise<readonly Bundle[]> {
  const profiles = readProfiles(profilesFile);
  const out = resolve(outdir);
  mkdirSync(out, { recursive: true });
  const made = await Promise.all(
    FUNCTIONS.map(async (name) => {
      const file = join(out, name, 'index.cjs');
      const { metafile } = await build({
        absWorkingDir: root,
        entryPoints: [`functions/${name}.ts`],
        outfile: file,
        bundle: true,
        platform: 'node',
        target: 'node24',
        format: 'cjs',
        mainFields: ['module', 'main'],
        minify: true,
        legalComments: 'none',
        metafile: true,
        plugins: [leaveOut],
        // Node's own web streams are loaded by the first mention of them; no answer is one.
        define: { PROFILES: JSON.stringify(profiles), ReadableStream: 'undefined' },
        logLevel: 'warning',
      });
      writeFileSync(join(out, `${name}.meta.json`), JSON.stringify(metafile));
      return { name, file: join(outdir, name, 'index.cjs'), bytes: statSync(file).size, metafile };
    }),
  );
  writeFileSync(join(out, 'licences.txt'), licences(made.map(({ metafile }) => metafile)));
  return made.map(({ metafile, ...bundled }) => ({
    ...bundled,
    analysis: analyze(metafile),
    sources: sourcesOf(metafile),
  }));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { analyze: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) return void process.stdout.write(HELP);
  const profilesFile = chosenProfilesFile();
  for (const { name, file, bytes, analysis } of await bundle({ profilesFile, outdir: '.build' })) {
    process.stdout.write(`${name}: ${file}, ${Math.round(bytes / 1000)} kB\n${values.analyze ? analysis : ''}`);
  }
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : 'the bundles could not be made'}\nTry --help.\n`);
    process.exitCode = 1;
  });
}
