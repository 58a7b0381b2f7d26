// The parts of the template that depend on parameters.
const readParameters = require('./parameters.cjs');
const { apiMetrics, publicUrlOf } = require('./api.cjs');
const readProfiles = require('./chosen-profiles.cjs');
const { hasFederated } = require('./federated-profiles.cjs');

/** What each function may take, in seconds: the requests to ZITADEL that it may send one after the other, and the rest. */
function timeouts(requestSeconds) {
  const within = (requests, restSeconds) => Math.ceil(requests * requestSeconds + restSeconds);
  // Of callers without IAM, also the two documents of their issuer.
  return { token: within(2, 9), introspect: within(2, 4), revoke: within(3, 6), federated: within(4, 8) };
}

/** ZITADEL's issuer in the public metadata: the one that is named, or the only one; else none. */
function metadataIssuer(named) {
  if (named !== '') return named;
  const issuers = [...new Set(Object.values(readProfiles().profiles ?? {}).map(({ issuer }) => issuer))];
  return issuers.length === 1 ? issuers[0] : '';
}

/** The API's metrics as the dashboard names them: the beginning of a list in JSON. */
function dashboardParts(values, place) {
  const isFederated = hasFederated();
  const { dimensions, clientErrors, serverErrors } = apiMetrics(values, place);
  const pairs = dimensions.flatMap(({ Name, Value }) => [Name, typeof Value === 'string' ? Value : `\${${Value.Ref}}`]);
  const metric = (name) => JSON.stringify(['AWS/ApiGateway', name, ...pairs]).slice(1, -1);
  return {
    count: metric('Count'),
    latency: metric('Latency'),
    clientErrors: metric(clientErrors),
    serverErrors: metric(serverErrors),
    // What follows in lists, if there are callers without IAM.
    moreAlarms: isFederated
      ? ['federated-errors', 'federated-throttles', 'issuer-away'].map((name) => alarm(name, place)).join('')
      : '',
    moreLogs: isFederated ? `, "/aws/lambda/${place.prefix}-federated"` : '',
  };
}

/** An alarm as the dashboard names it, after others. */
const alarm = (name, { prefix }) =>
  `,\n  "arn:\${AWS::Partition}:cloudwatch:\${AWS::Region}:\${AWS::AccountId}:alarm:${prefix}-${name}"`;

/** The log groups that saved queries look into: of requests, of what obtains tokens, and of all but rotations. */
function queriedLogs({ prefix }) {
  const groups = (...names) => names.map((name) => `/aws/lambda/${prefix}-${name}`);
  const more = hasFederated() ? ['federated'] : [];
  return {
    requests: groups('token', 'introspect', 'revoke', ...more),
    obtaining: groups('token', 'prewarm', ...more),
    all: groups('token', 'introspect', 'revoke', 'prewarm', ...more),
  };
}

/** Variables that are only set if there is something to set. */
const setOnes = (variables) => Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  const { prefix } = place;
  return {
    environment: {
      TABLE_NAME: prefix,
      METRICS_NAMESPACE: prefix,
      REQUEST_TIMEOUT_SECONDS: String(values.requestTimeoutSeconds),
      ...setOnes({
        METRICS_BY_PROFILE: values.metricsByProfile ? 'true' : '',
        HTTPS_PROXY: values.httpsProxy,
        NO_PROXY: values.httpsProxy === '' ? '' : values.noProxy,
        CALLER_RATE: String(values.callerRate),
        // Read by the AWS SDK, and by the broker's own calls.
        AWS_USE_FIPS_ENDPOINT: values.fips ? 'true' : '',
        // Where Lambda unpacks the package. Node reads it once, when it starts.
        NODE_EXTRA_CA_CERTS: values.caBundle && `/var/task/${values.caBundle}`,
      }),
    },
    patterns: ['!**', ...(values.caBundle === '' ? [] : [values.caBundle])],
    ...(values.vpcSubnetIds.length === 0
      ? {}
      : { vpc: { subnetIds: values.vpcSubnetIds, securityGroupIds: values.vpcSecurityGroupIds } }),
    metadataIssuer: metadataIssuer(values.metadataIssuer),
    publicUrl: publicUrlOf(values),
    dashboard: dashboardParts(values, place),
    logGroups: queriedLogs(place),
    timeouts: timeouts(values.requestTimeoutSeconds),
    // Without a customer managed key: the AWS managed key.
    tableEncryption: {
      SSEEnabled: true,
      SSEType: 'KMS',
      ...(values.tableKmsKeyArn === '' ? {} : { KMSMasterKeyId: values.tableKmsKeyArn }),
    },
  };
};
