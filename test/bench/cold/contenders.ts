import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Bundle, bundle } from '../../../infra/build/bundle.ts';
import { ordersProfile } from '../setting.ts';
import { createFakes } from './fakes.ts';

/** The programs that are measured side by side; `empty` and `line` do nothing, or no more than to log it. */
export type Contender = 'floor' | 'typical' | 'empty' | 'line' | 'ours';

/** What ours is made of, and how many bytes of each. */
export type Sources = Bundle['sources'];

type PerContender<T> = Readonly<Record<Contender, T>>;

/** Bundles them all, ours as it is deployed, the others by esbuild's defaults; and starts the services they talk to. */
export async function createContenders() {
  const { env, issuer, setLatencies, close: closeFakes } = await createFakes();
  const home = mkdtempSync(join(tmpdir(), 'bench-'));
  const profilesFile = join(home, 'profiles.json');
  writeFileSync(profilesFile, JSON.stringify(ordersProfile(issuer)));
  const ours = (await bundle({ profilesFile, outdir: join(home, 'ours') })).find(({ name }) => name === 'token');
  if (ours === undefined) throw new Error('there is no bundle of token');
  const others = ['floor', 'typical', 'empty', 'line'].map((name) => [name, join(home, name, 'index.cjs')] as const);
  for (const [name, outfile] of others) {
    await build({
      entryPoints: [join(import.meta.dirname, `${name}.ts`)],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      logLevel: 'error',
    });
  }
  const files = [...others, ['ours', join(home, 'ours/token/index.cjs')] as const];
  const file = Object.fromEntries(files) as PerContender<string>;
  const bytes = Object.fromEntries(files.map(([name, path]) => [name, statSync(path).size])) as PerContender<number>;
  const close = () => {
    closeFakes();
    rmSync(home, { recursive: true, force: true });
  };
  return { env, setLatencies, file, bytes, sources: ours.sources, close };
}
