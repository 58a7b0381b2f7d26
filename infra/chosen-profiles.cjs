// The document of the profiles that are deployed, for the parts of the template that depend on it.
const { readFileSync } = require('node:fs');
const { parse } = require('yaml');
const { chosenProfilesFile, profilesFiles } = require('./profiles-files.cjs');

/** @throws if two files have a profile of one name: npm run profiles says where */
module.exports = () => {
  const files = profilesFiles(chosenProfilesFile());
  if (!files.ok) throw new Error(files.error);
  const documents = files.value.map((file) => parse(readFileSync(file, 'utf8'), { merge: true }));
  if (documents.length === 1) return documents[0];
  const entries = documents.flatMap((document) => Object.entries(document?.profiles ?? {}));
  const profiles = Object.fromEntries(entries);
  if (Object.keys(profiles).length < entries.length) throw new Error('Two profiles have one name: npm run profiles');
  return { profiles };
};
