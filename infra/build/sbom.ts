import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { chosenProfilesFile } from './profiles-file.ts';

const root = join(import.meta.dirname, '../..');

const LARGEST_BOM_BYTES = 64 * 1024 * 1024;

/** The used parts of CycloneDX. */
interface Bom {
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly { readonly 'bom-ref': string; readonly name: string; readonly version: string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** `name@version` of every package that is deployed: of which a bundle holds code. */
async function deployed(): Promise<ReadonlySet<string>> {
  const outdir = mkdtempSync(join(tmpdir(), 'sbom-'));
  try {
    const bundles = await bundle({ profilesFile: chosenProfilesFile(), outdir });
    return new Set(bundles.flatMap(({ packages }) => packages));
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** The bill of materials (CycloneDX) of the deployed packages, from `npm sbom`, which lists all that are installed. */
async function createBom(): Promise<Bom> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const text = execFileSync(npm, ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--loglevel', 'error'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: LARGEST_BOM_BYTES,
  });
  const bom: Bom = JSON.parse(text);
  const kept = await deployed();
  const components = bom.components.filter(({ name, version }) => kept.has(`${name}@${version}`));
  const refs = new Set(components.map((component) => component['bom-ref']));
  const dependencies = bom.dependencies.flatMap(({ ref, dependsOn = [] }) => {
    const isRoot = !bom.components.some((component) => component['bom-ref'] === ref);
    return isRoot || refs.has(ref) ? [{ ref, dependsOn: dependsOn.filter((to) => refs.has(to)) }] : [];
  });
  // npm uses the name of the folder instead of the package's name.
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const metadata = { ...bom.metadata, component: { ...bom.metadata.component, name } };
  return { ...bom, metadata, components, dependencies };
}

process.stdout.write(`${JSON.stringify(await createBom(), null, 2)}\n`);
