import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { analyzeMetafile, build } from 'esbuild';
import { parse } from 'yaml';

const HELP = `Bundles each function into one file, the profiles and the AWS SDK included.

  npm run bundle -- [--analyze]

  --analyze   prints what each bundle is made of
  --help      this text

The profiles are those of $PROFILES_FILE, else infra/profiles.yml; npm run profiles checks them.
`;

/** The functions, by the names of their files in functions/. */
export const FUNCTIONS = ['token', 'prewarm'] as const;

/** A bundle that was made. */
export interface Bundle {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  /** What it is made of, as a text. */
  readonly analysis: string;
}

/**
 * Bundles the functions to `{outdir}/{name}/index.cjs`. CommonJS: an import of `node:http` in ESM loads undici with it,
 * which a cold start would pay for. What esbuild knows of a bundle goes to `{outdir}/{name}.meta.json`.
 * @throws {Error} where the file of profiles cannot be read or is no YAML
 */
export async function bundle({
  profilesFile,
  outdir,
}: {
  profilesFile: string;
  outdir: string;
}): Promise<readonly Bundle[]> {
  const profiles: unknown = parse(readFileSync(profilesFile, 'utf8'));
  mkdirSync(outdir, { recursive: true });
  return Promise.all(
    FUNCTIONS.map(async (name) => {
      const file = join(outdir, name, 'index.cjs');
      const { metafile } = await build({
        absWorkingDir: join(import.meta.dirname, '../..'),
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
        define: { PROFILES: JSON.stringify(profiles) },
        logLevel: 'warning',
      });
      writeFileSync(join(outdir, `${name}.meta.json`), JSON.stringify(metafile));
      return { name, file, bytes: readFileSync(file).length, analysis: await analyzeMetafile(metafile) };
    }),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { analyze: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) return void process.stdout.write(HELP);
  const profilesFile = process.env.PROFILES_FILE ?? 'infra/profiles.yml';
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
