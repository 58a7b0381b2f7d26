// Which files hold the profiles. CommonJS: the deployment tool, which reads the template's parts, may run on an older Node.
const { existsSync, readdirSync, statSync } = require('node:fs');
const path = require('node:path');

const FILE = 'infra/profiles.yml';
const FOLDER = 'infra/profiles';

const isProfiles = (name) =>
  /\.(?:ya?ml|json)$/.test(name) && !name.split(path.sep).some((part) => part.startsWith('.'));

const isFolder = (place) => statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;

/** In an order that no file system decides: the same profiles make the same bundle everywhere. */
const within = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter(isProfiles)
    .sort()
    .map((name) => path.join(folder, name));

/** The file or folder of the profiles to deploy: $PROFILES_FILE, else infra/profiles/ if it holds any, else infra/profiles.yml. */
const chosenProfilesFile = () =>
  process.env.PROFILES_FILE ?? (isFolder(FOLDER) && within(FOLDER).length > 0 ? FOLDER : FILE);

/**
 * The files that a path stands for: itself, or the .yml, .yaml and .json files within the folder, sorted. Names that begin
 * with a dot are left out.
 * @returns the files, or what is wrong with the choice
 */
function profilesFiles(place) {
  if (!isFolder(place)) return { ok: true, value: [place] };
  const beside = `${path.normalize(place).replace(/[\\/]$/, '')}.yml`;
  // One of them alone would drop profiles, both would deploy the example: only a person knows which.
  if (existsSync(beside)) {
    return { ok: false, error: `${beside}: ${place} holds profiles too; move this file into the folder, or remove it` };
  }
  const files = within(place);
  if (files.length > 0) return { ok: true, value: files };
  return { ok: false, error: `${place}: holds no profiles; add a .yml, .yaml or .json file` };
}

module.exports = { chosenProfilesFile, profilesFiles };
