// The function of callers without IAM, if a profile has such callers.
const { hasFederated } = require('./federated-profiles.cjs');
const readOptions = require('./options.cjs');
const readParameters = require('./parameters.cjs');

/** Accepted findings of template checkers, as of the other functions (checks.yml). */
const CHECKS = {
  checkov: {
    skip: [
      {
        id: 'CKV_AWS_115',
        comment:
          'The parameter federatedReservedConcurrency sets it; small accounts cannot reserve. The route throttles.',
      },
      { id: 'CKV_AWS_116', comment: 'API Gateway waits for its functions; there is no event to keep.' },
      { id: 'CKV_AWS_117', comment: 'Everything is reached over TLS at public names and guarded by IAM.' },
      {
        id: 'CKV_AWS_173',
        comment: 'The variables are names and a public URL; Lambda encrypts them with its own key.',
      },
    ],
  },
};

module.exports = async (context) => {
  if (!hasFederated()) return { functions: {}, resources: {} };
  const { values, place } = await readParameters(context);
  const { timeouts, publicUrl } = await readOptions(context);
  const reserved = values.federatedReservedConcurrency;
  return {
    functions: {
      federated: {
        name: `${place.prefix}-federated`,
        description: 'Hands out ZITADEL access tokens to callers without IAM.',
        handler: '.build/federated/index.handler',
        role: 'FederatedRole',
        timeout: timeouts.federated,
        ...(reserved === null ? {} : { reservedConcurrency: reserved }),
        // Of the audience of assertions; empty: as the request says.
        environment: { PUBLIC_URL: publicUrl },
        disableLogs: true,
        package: { patterns: ['.build/federated/index.cjs', '.build/federated/THIRD-PARTY-LICENSES'] },
      },
    },
    resources: { extensions: { FederatedLambdaFunction: { Metadata: CHECKS } } },
  };
};
