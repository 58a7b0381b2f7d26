import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Bundle, bundle } from '../../../infra/build/bundle.ts';

/** The programs that are measured side by side. */
export const CONTENDERS = ['floor', 'typical', 'ours'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** Their bundles, in a folder that is removed in the end. */
export interface Bundles {
  readonly file: Readonly<Record<Contender | 'empty', string>>;
  readonly bytes: Readonly<Record<Contender | 'empty', number>>;
  /** What ours is made of, and how many bytes of each. */
  readonly sources: Bundle['sources'];
  readonly remove: () => void;
}

/** Bundles them all: ours as it is deployed, the others by esbuild's defaults. */
export async function createBundles(issuer: string): Promise<Bundles> {
  const home = mkdtempSync(join(tmpdir(), 'bench-'));
  const profilesFile = join(home, 'profiles.json');
  const orders = {
    issuer,
    secret: 'orders',
    scopes: ['openid'],
    callers: ['arn:aws:iam::123456789012:role/orders-service'],
  };
  writeFileSync(profilesFile, JSON.stringify({ profiles: { orders } }));
  const ours = (await bundle({ profilesFile, outdir: join(home, 'ours') })).find(({ name }) => name === 'token');
  if (ours === undefined) throw new Error('there is no bundle of token');
  for (const name of ['floor', 'typical', 'empty']) {
    mkdirSync(join(home, name));
    await build({
      entryPoints: [join(import.meta.dirname, `${name}.ts`)],
      outfile: join(home, name, 'index.cjs'),
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      logLevel: 'error',
    });
  }
  const file = {
    floor: join(home, 'floor/index.cjs'),
    typical: join(home, 'typical/index.cjs'),
    empty: join(home, 'empty/index.cjs'),
    ours: join(home, 'ours/token/index.cjs'),
  };
  const bytes = Object.fromEntries(
    Object.entries(file).map(([name, path]) => [name, statSync(path).size]),
  ) as Bundles['bytes'];
  return { file, bytes, sources: ours.sources, remove: () => rmSync(home, { recursive: true, force: true }) };
}
