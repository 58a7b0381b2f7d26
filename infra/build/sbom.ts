import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

const LARGEST_BOM_BYTES = 64 * 1024 * 1024;

/** The used parts of CycloneDX. */
interface Bom {
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly { readonly 'bom-ref': string; readonly name: string; readonly version: string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** What a package of the lock file needs, by name. */
interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/**
 * `name@version` of every deployed package: what the broker's own dependencies lead to. npm's `dev` says less: peers of the
 * client, which is no part of the broker, do not have it.
 */
function deployed(): ReadonlySet<string> {
  const packages: Readonly<Record<string, Locked>> = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  ).packages;
  const names = new Map<string, string>();
  const visit = (from: string): void => {
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta = {} } = packages[from] ?? {};
    const peers = Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta[name]?.optional !== true);
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      // The nearest one above, as Node finds it.
      let folder = from;
      while (folder !== '' && packages[`${folder}/node_modules/${name}`] === undefined)
        folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0));
      const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
      const found = packages[path];
      if (found === undefined || names.has(path)) continue;
      names.set(path, `${name}@${found.version}`);
      visit(path);
    }
  };
  visit('');
  return new Set(names.values());
}

/**
 * The bill of materials (CycloneDX) of the deployed packages, from `npm sbom`. npm's own `--omit dev` omits too much:
 * also deployed packages that a development dependency uses.
 */
function createBom(): Bom {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const text = execFileSync(npm, ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--loglevel', 'error'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: LARGEST_BOM_BYTES,
  });
  const bom: Bom = JSON.parse(text);
  const kept = deployed();
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

process.stdout.write(`${JSON.stringify(createBom(), null, 2)}\n`);
