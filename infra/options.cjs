// The parts of the template that depend on options.
const readProfiles = require('./chosen-profiles.cjs');

/** The bounds of `requestTimeoutSeconds` (lib/core/limits.ts). */
const [LEAST_SECONDS, MOST_SECONDS] = [3, 5];

/** What each function may take, in seconds: the requests to ZITADEL that it may send one after the other, and the rest. */
function timeouts(requestSeconds) {
  if (!(requestSeconds >= LEAST_SECONDS && requestSeconds <= MOST_SECONDS)) {
    throw new Error(`requestTimeoutSeconds must be a number from ${LEAST_SECONDS} to ${MOST_SECONDS}`);
  }
  const within = (requests, restSeconds) => Math.ceil(requests * requestSeconds + restSeconds);
  return { token: within(2, 9), introspect: within(2, 4), revoke: within(3, 6) };
}

/** The origin and path of the broker, without a trailing slash; empty: as each request says. */
function publicUrl(text) {
  if (text === '') return '';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error(
      `publicUrl must be an https URL such as https://tokens.example.com, without a query; it is ${text}`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** ZITADEL's issuer in the public metadata: the one that is named, or the only one; else none. */
function metadataIssuer(named) {
  const { profiles = {} } = readProfiles();
  const issuers = [...new Set(Object.values(profiles).map(({ issuer }) => issuer))];
  if (named === '') return issuers.length === 1 ? issuers[0] : '';
  if (!issuers.includes(named))
    throw new Error(`metadataIssuer must be an issuer of the profiles: ${issuers.join(', ')}`);
  return named;
}

module.exports = async ({ resolveVariable }) => {
  const tableKey = String(await resolveVariable('param:tableKmsKeyArn'));
  return {
    publicUrl: publicUrl(String(await resolveVariable('param:publicUrl'))),
    metadataIssuer: metadataIssuer(String(await resolveVariable('param:metadataIssuer'))),
    timeouts: timeouts(Number(await resolveVariable('param:requestTimeoutSeconds'))),
    // Without a customer managed key: the AWS managed key.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(tableKey === '' ? {} : { KMSMasterKeyId: tableKey }),
    },
  };
};
