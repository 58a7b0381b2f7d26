// The document of the profiles that are deployed, for the parts of the template that depend on it.
const { readFileSync } = require('node:fs');
const { parse } = require('yaml');

module.exports = () => parse(readFileSync(process.env.PROFILES_FILE ?? 'infra/profiles.yml', 'utf8'), { merge: true });
