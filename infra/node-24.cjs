// Runs on every Node and before any package is loaded, so that a script of package.json can say what is missing.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

/** The least major version that runs the code here: it strips types. */
const LEAST_MAJOR = 24;

/**
 * What to do before a script of package.json can run, in one sentence; undefined where nothing is missing.
 * @param {string} version of Node, such as `v20.20.2`
 * @param {(path: string) => boolean} exists takes a path in this project
 */
function missing(version, exists) {
  if (!exists('node_modules')) return 'The packages are not installed: run npm ci.';
  if (!exists('node_modules/node')) return 'The development packages are not installed: run npm ci --include=dev.';
  if (Number.parseInt(version.slice(1), 10) >= LEAST_MAJOR) return undefined;
  return `This needs Node ${LEAST_MAJOR}, and node is ${version}: run npm rebuild node --ignore-scripts=false, which installs Node ${LEAST_MAJOR} in this project.`;
}

module.exports = { missing };

const sentence = missing(process.version, (path) => existsSync(join(__dirname, '..', path)));
if (sentence !== undefined) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
