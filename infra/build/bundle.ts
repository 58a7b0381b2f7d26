import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Metafile, type Plugin } from 'esbuild';
import type { Profile, Profiles } from '../../lib/broker/profiles/profile.ts';
import type { CompiledProfiles } from '../../lib/compose/environment.ts';
import { packageOf, packagesIn, thirdPartyLicenses } from './licences.ts';
import { chosenProfilesFile, readProfilesFile } from './profiles-file.ts';

const HELP = `Bundles each function into one file, the profiles and the AWS SDK included.

  npm run bundle -- [--analyze]

  --analyze   prints the largest parts of each bundle
  --help      prints this text

The profiles are read from $PROFILES_FILE, a file or a folder (default infra/profiles/, else infra/profiles.yml);
npm run profiles checks them.
esbuild's metadata of each bundle is written to .build/{function}.meta.json, the licences of its packages to
.build/{function}/THIRD-PARTY-LICENSES.
`;

/** The functions of every deployment, by their file names in functions/. */
export const FUNCTIONS = ['token', 'introspect', 'revoke', 'metadata', 'prewarm', 'rotate'] as const;

/** The function for callers without IAM, where a profile has some. */
export const FEDERATED = 'federated';
type FunctionName = (typeof FUNCTIONS)[number] | typeof FEDERATED;

/** A bundle. */
export interface Bundle {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  /** Its largest parts, one per line. */
  readonly analysis: string;
  /** `name@version` of each package that it holds code of. */
  readonly packages: readonly string[];
  /** Its packages and project folders, with their sizes, largest first. */
  readonly sources: readonly (readonly [name: string, bytes: number])[];
}

const root = join(import.meta.dirname, '../..');

/** Checked here, so that cold starts need not check them. */
function readProfiles(file: string): Profiles {
  const profiles = readProfilesFile(file, { allowLoopbackHttp: false });
  if (!profiles.ok) throw new Error(profiles.error.join('\n'));
  return profiles.value;
}

const hasFederated = ({ federated = [] }: Profile): boolean => federated.length > 0;

/** The profiles with callers without IAM, and those whose tokens they exchange, which no such caller may use itself. */
function federatedProfiles(profiles: Profiles): ReadonlySet<Profile> {
  const needed = new Set<Profile>();
  const follow = (profile: Profile | undefined): void => {
    if (profile === undefined || needed.has(profile)) return;
    needed.add(profile);
    if (profile.subject !== undefined) follow(profiles.get(profile.subject));
  };
  for (const profile of profiles.values()) if (hasFederated(profile)) follow(profile);
  return needed;
}

/** The profiles in the form that a function uses: those that it serves, without the callers that never reach it. */
function compile(name: FunctionName, profiles: Profiles): CompiledProfiles {
  if (name !== FEDERATED) return [...profiles].map(([key, { federated: _, ...profile }]) => [key, profile]);
  const needed = federatedProfiles(profiles);
  return [...profiles]
    .filter(([, profile]) => needed.has(profile))
    .map(([key, profile]) => [key, { ...profile, callers: [] }]);
}

/** Unused modules of the AWS SDK that would slow down cold starts, and their replacements. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  // Credentials come from the environment (lib/aws/environment.ts); the SDK's provider chain is a third of its code.
  '@aws-sdk/credential-provider-node':
    'export const defaultProvider = () => () => Promise.reject(new Error("the chain of credential providers is left out"));',
  // A function has no ~/.aws/config, and reading it would load a tenth of Node's own modules.
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

/**
 * Gives the functions the profiles as `PROFILES`. As a text: V8 parses JSON faster than the same object as source, which at
 * 1,000 profiles saves 6 ms of the 42 ms of CPU time that loading `token` takes. As a module without side effects,
 * so that `metadata` goes without them.
 */
const giveProfiles = (profiles: CompiledProfiles): Plugin => ({
  name: 'give-profiles',
  setup({ onResolve, onLoad }) {
    const text = JSON.stringify(JSON.stringify(profiles));
    const contents = `export const PROFILES = JSON.parse(${text});`;
    onResolve({ filter: /^profiles:$/ }, ({ path }) => ({ path, namespace: 'profiles', sideEffects: false }));
    onLoad({ filter: /.*/, namespace: 'profiles' }, () => ({ contents }));
  },
});

/** The inputs of a bundle, with their sizes, largest first. */
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

/** The source of a part of a bundle: a package, a project folder, or the bundler. */
function sourceOf(input: string): string {
  if (input.startsWith('profiles:')) return 'the profiles';
  if (input.startsWith('left-out:')) return 'instead of what is left out';
  return packageOf(input)?.replace(/^.*node_modules\/|\/$/g, '') ?? dirname(input);
}

function sourcesOf(metafile: Metafile): Bundle['sources'] {
  const sizes = new Map<string, number>();
  for (const [input, bytes] of parts(metafile)) {
    const source = sourceOf(input);
    sizes.set(source, (sizes.get(source) ?? 0) + bytes);
  }
  return [...sizes].sort(([, a], [, b]) => b - a);
}

/**
 * Bundles the functions to `{outdir}/{name}/index.cjs`. CommonJS, because in ESM an import of `node:http` also loads
 * undici, which would slow down cold starts. The licences of its packages are beside it in `THIRD-PARTY-LICENSES`. esbuild's
 * metadata goes to `{outdir}/{name}.meta.json`, outside the packaged folder.
 * @throws {Error} with every fault of the profiles and its place; if a package has no text of its licence
 */
export async function bundle({
  profilesFile,
  outdir,
}: {
  profilesFile: string;
  outdir: string;
}): Promise<readonly Bundle[]> {
  const profiles = readProfiles(profilesFile);
  const names: readonly FunctionName[] = [
    ...FUNCTIONS,
    ...([...profiles.values()].some(hasFederated) ? [FEDERATED as FunctionName] : []),
  ];
  const out = resolve(outdir);
  mkdirSync(out, { recursive: true });
  const made = await Promise.all(
    names.map(async (name) => {
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
        plugins: [leaveOut, giveProfiles(compile(name, profiles))],
        inject: ['profiles:'],
        // The first reference to Node's web streams loads them; no answer uses them.
        define: { ReadableStream: 'undefined' },
        logLevel: 'warning',
      });
      writeFileSync(join(out, `${name}.meta.json`), JSON.stringify(metafile));
      const inputs = parts(metafile).map(([input]) => input);
      const found = packagesIn(inputs, root);
      writeFileSync(join(out, name, 'THIRD-PARTY-LICENSES'), thirdPartyLicenses(found));
      const packages = found.map(({ id }) => id);
      return { name, file: join(outdir, name, 'index.cjs'), bytes: statSync(file).size, packages, metafile };
    }),
  );
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
