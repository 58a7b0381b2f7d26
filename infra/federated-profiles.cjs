// Which profiles have callers without IAM: without one, nothing of the deployment is for such callers.
const readProfiles = require('./chosen-profiles.cjs');

const isWorkload = (caller) => typeof caller === 'object' && caller !== null;

/** The names of the profiles with callers without IAM, of a document's profiles. */
const federatedProfiles = (profiles = {}) =>
  Object.keys(profiles).filter((name) => [profiles[name]?.callers ?? []].flat().some(isWorkload));

/** Whether a profile to deploy has a caller without IAM. */
const hasFederated = () => federatedProfiles(readProfiles().profiles ?? {}).length > 0;

module.exports = { federatedProfiles, hasFederated };
