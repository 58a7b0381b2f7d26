import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+\//;

/** The folder of the package that an input of a bundle is from; `undefined` if it is from none. */
export const packageOf = (input: string): string | undefined => PACKAGE.exec(input)?.[0];

/** The texts that a package asks to be passed on with it. */
const TEXT = /^(?:licen[cs]e|notice|copying)(?:[.-].*)?$/i;

const RULE = '-'.repeat(80);

/** A package in a bundle. */
interface Package {
  /** `name@version` */
  readonly id: string;
  readonly title: string;
  readonly repository: string | undefined;
  readonly texts: readonly string[];
}

function readPackage(folder: string): Package {
  const { name, version, license, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => TEXT.test(file));
  // A notice alone is no licence.
  const texts = files.some((file) => !/^notice/i.test(file)) ? files.sort() : [];
  return {
    id: `${name}@${version}`,
    title: `${name} ${version} (${license})`,
    repository: repository?.url ?? repository,
    texts: texts.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()),
  };
}

/** The texts of a package, in the order of their files' names; else those of another one of its repository. */
function textsOf({ title, repository, texts }: Package, others: readonly Package[]): readonly string[] {
  if (texts.length > 0) return texts;
  const sibling = others.find((other) => other.repository === repository && other.texts.length > 0);
  // A standard text for its SPDX id would lack the copyright notice, which most licences require.
  if (sibling === undefined || repository === undefined) {
    throw new Error(`${title}: holds no text of its licence; find it, or do without the package`);
  }
  return sibling.texts;
}

/** The packages that the inputs of a bundle are from, relative to `root`. */
export function packagesIn(inputs: readonly string[], root: string): readonly Package[] {
  const folders = [...new Set(inputs.flatMap((input) => packageOf(input) ?? []))];
  return folders.map((folder) => readPackage(join(root, folder)));
}

/**
 * The packages in a bundle with version, licence and texts, equal texts once: the bundle has no licence comments.
 * @throws {Error} if a package has no text of its licence
 */
export function thirdPartyLicenses(found: readonly Package[]): string {
  const packages = found
    .map((one) => ({ title: one.title, texts: textsOf(one, found) }))
    .sort((one, other) => (one.title < other.title ? -1 : 1));
  if (packages.length === 0) return 'No third-party software is contained.\n';
  const titles = Map.groupBy(
    packages.flatMap(({ title, texts }) => texts.map((text) => ({ title, text }))),
    ({ text }) => text,
  );
  const sections = [...titles].map(
    ([text, of]) => `${RULE}\n${of.map(({ title }) => title).join('\n')}\n${RULE}\n\n${text}\n`,
  );
  const list = packages.map(({ title }) => `- ${title}\n`).join('');
  return `This contains third-party software:\n\n${list}\n${sections.join('\n')}`;
}
