import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundle } from '../../../infra/build/bundle.ts';
import { createFolder } from '../folder.ts';
import { ordersProfile } from '../setting.ts';
import { perName } from '../turns.ts';
import { createFakes } from './fakes.ts';

/** The programs beside ours; `empty` and `line` do nothing, or no more than to log it. */
const OTHERS = ['floor', 'typical', 'empty', 'line'] as const;

/** Bundles them all, ours as it is deployed, the others by esbuild's defaults; and starts the services they talk to. */
export async function createContenders() {
  const fakes = await createFakes();
  const home = createFolder('cold');
  const profilesFile = join(home, 'profiles.json');
  writeFileSync(profilesFile, JSON.stringify(ordersProfile(fakes.env.ISSUER)));
  const ours = (await bundle({ profilesFile, outdir: home })).find(({ name }) => name === 'token');
  if (ours === undefined) throw new Error('there is no bundle of token');
  await build({
    entryPoints: OTHERS.map((name) => join(import.meta.dirname, `${name}.ts`)),
    outdir: home,
    entryNames: '[name]/index',
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'error',
  });
  const file = { ...perName(OTHERS, (name) => join(home, name, 'index.cjs')), ours: ours.file };
  const bytes = { ...perName(OTHERS, (name) => statSync(file[name]).size), ours: ours.bytes };
  return { ...fakes, file, bytes, sources: ours.sources };
}
