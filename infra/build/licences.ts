import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+\//;

/** The folder of the package that an input of a bundle is from; `undefined` if it is from none. */
export const packageOf = (input: string): string | undefined => PACKAGE.exec(input)?.[0];

/** The texts that a package asks to be passed on with it. */
const TEXT = /^(?:licen[cs]e|notice|copying)(?:[.-].*)?$/i;

const RULE = '-'.repeat(80);

/** The texts of a package, in the order of their files' names. */
function textsOf(folder: string, title: string): readonly string[] {
  const files = readdirSync(folder).filter((name) => TEXT.test(name));
  // A standard text for its SPDX id would lack the copyright notice, which most licences require.
  if (!files.some((name) => !/^notice/i.test(name))) {
    throw new Error(`${title}: holds no text of its licence; find it, or do without the package`);
  }
  return files.sort().map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim());
}

/**
 * The packages in a bundle with version, licence and texts, equal texts once: the bundle has no licence comments.
 * @param inputs of the bundle, relative to `root`
 * @throws {Error} if a package has no text of its licence
 */
export function thirdPartyLicenses(inputs: readonly string[], root: string): string {
  const folders = [...new Set(inputs.flatMap((input) => packageOf(input) ?? []))];
  const packages = folders
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const title = `${name} ${version} (${license})`;
      return { title, texts: textsOf(join(root, folder), title) };
    })
    .sort((one, other) => (one.title < other.title ? -1 : 1));
  if (packages.length === 0) return 'This function contains no third-party software.\n';
  const titles = Map.groupBy(
    packages.flatMap(({ title, texts }) => texts.map((text) => ({ title, text }))),
    ({ text }) => text,
  );
  const sections = [...titles].map(
    ([text, of]) => `${RULE}\n${of.map(({ title }) => title).join('\n')}\n${RULE}\n\n${text}\n`,
  );
  const list = packages.map(({ title }) => `- ${title}\n`).join('');
  return `This function contains third-party software:\n\n${list}\n${sections.join('\n')}`;
}
