// The parts of the template that depend on options.

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

module.exports = async ({ resolveVariable }) => {
  const tableKey = String(await resolveVariable('param:tableKmsKeyArn'));
  return {
    timeouts: timeouts(Number(await resolveVariable('param:requestTimeoutSeconds'))),
    // Without a customer managed key: the AWS managed key.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(tableKey === '' ? {} : { KMSMasterKeyId: tableKey }),
    },
  };
};
