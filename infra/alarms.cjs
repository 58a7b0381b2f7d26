// The alarms; docs/runbooks.md says of each what it means and what to do. All of them notify the topic in the parameter
// alarmTopicArn, if it is set.
const { apiMetrics } = require('./api.cjs');
const readParameters = require('./parameters.cjs');
const readProfiles = require('./chosen-profiles.cjs');
const { hasFederated } = require('./federated-profiles.cjs');
const { title } = require('./statements.cjs');

/** The functions, and the effect if one of them does not work. */
const FUNCTIONS = {
  token: 'callers get no token',
  introspect: 'no token is introspected',
  revoke: 'no token is revoked',
  metadata: 'clients do not find the endpoints',
  prewarm: 'tokens are not renewed ahead, and callers wait for renewals',
  rotate: 'keys are not rotated',
  federated: 'callers without IAM get no token',
};

const functionsOf = (isFederated) => Object.keys(FUNCTIONS).filter((name) => name !== 'federated' || isFederated);

/** In one period of five minutes. */
const ONCE = { Period: 300, EvaluationPeriods: 1 };

/** In two of three such periods: a failure whose retry succeeds does not count. */
const AGAIN = { Period: 300, EvaluationPeriods: 3, DatapointsToAlarm: 2 };

/**
 * In three of six: the log reports an outage for six minutes at most, which overlap two periods; and ten requests an hour
 * leave some periods without a line.
 */
const LASTING = { Period: 300, EvaluationPeriods: 6, DatapointsToAlarm: 3 };

/** In a day: days left change by the day, and a night without requests does not end the alarm. */
const DAILY = { Period: 86_400, EvaluationPeriods: 1 };

/** A key that rotates is replaced before: when its period and 15 days are left. */
const EXPIRING_DAYS = 14;

/** The share of token requests that may fail: docs/operating.md, What callers are promised. */
const BUDGET = 0.0005;

/**
 * The alarms on the promise: in how many hours, how many times faster than tolerated the budget of 30 days is used, and
 * how many requests must have failed: at ten an hour, a single one would be too many already.
 */
const BURNS = { 'promise-fast': { hours: 1, times: 14.4, least: 2 }, 'promise-slow': { hours: 6, times: 6, least: 4 } };

/** The tolerated share of failed requests; must be exceeded in two minutes, so that a single failure is not enough. */
const ERRORS_PERCENT = 5;

/** The time limit of a request to ZITADEL. A cold start that obtains a token takes about one second. */
const SLOW_MS = 3000;

/** The defaults of an alarm: it fires on any count above 0, and missing data is healthy. */
const DEFAULTS = { Threshold: 0, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching' };

const lambda = (name, MetricName) => ({
  Namespace: 'AWS/Lambda',
  MetricName,
  Dimensions: [{ Name: 'FunctionName', Value: { Ref: `${title(name)}LambdaFunction` } }],
  Statistic: 'Sum',
});

/** The broker's own metrics, which have no dimensions (lib/http/log.ts). */
const own = (Namespace, MetricName) => ({ Namespace, MetricName, Statistic: 'Sum' });

/** One metric in an expression. */
const sum = (Id, { Statistic: _, ...Metric }, Period = 60) => ({
  Id,
  MetricStat: { Metric, Period, Stat: 'Sum' },
  ReturnData: false,
});

/**
 * How fast the budget is used. Lambda counts what never came to a line of the log: crashes, timeouts, and requests for
 * which it had no concurrency. A token of last resort counts as a failed request.
 */
const burn = (namespace, { hours, times, least }) => {
  const failed = '(FILL(answered, 0) + FILL(short, 0) + FILL(crashed, 0) + FILL(throttled, 0))';
  const share = `${failed} / (FILL(invoked, 0) + FILL(throttled, 0))`;
  const inWindow = (id, metric) => sum(id, metric, hours * 3600);
  return {
    AlarmDescription: `In ${hours} h, token requests failed ${times} times as often as callers are promised (5xx, or tokens close to their end). The log says why in the fields error and renewal.`,
    Metrics: [
      { Id: 'burn', Expression: `IF(${failed} >= ${least}, ${share} / ${BUDGET}, 0)`, ReturnData: true },
      inWindow('answered', own(namespace, 'ServerErrors')),
      inWindow('short', own(namespace, 'LastResort')),
      inWindow('crashed', lambda('token', 'Errors')),
      inWindow('throttled', lambda('token', 'Throttles')),
      inWindow('invoked', lambda('token', 'Invocations')),
    ],
    Threshold: times,
    EvaluationPeriods: 1,
  };
};

const ofFunction = (prefix) => (name) => ({
  [`${name}-errors`]: {
    AlarmDescription: `The function ${name} crashes, times out or does not start: ${FUNCTIONS[name]}. Look into the log group /aws/lambda/${prefix}-${name}.`,
    ...lambda(name, 'Errors'),
    ...ONCE,
  },
  [`${name}-throttles`]: {
    AlarmDescription: `Lambda has no concurrency left for ${name}: ${FUNCTIONS[name]}.`,
    ...lambda(name, 'Throttles'),
    ...ONCE,
  },
});

/** While traffic shifts to a new version of `token` (shift.cjs): CodeDeploy returns to the one before. */
const shiftAlarms = (namespace) => ({
  'token-shift-errors': {
    AlarmDescription: `token crashes, times out or does not start behind its alias: ${FUNCTIONS.token}. A shift of traffic that is in progress is rolled back.`,
    ...lambda('token', 'Errors'),
    // Both versions behind the alias; what invokes the function in other ways does not count.
    Dimensions: [
      { Name: 'FunctionName', Value: { Ref: 'TokenLambdaFunction' } },
      { Name: 'Resource', Value: { 'Fn::Sub': `\${TokenLambdaFunction}:live` } },
    ],
    Period: 60,
    EvaluationPeriods: 1,
  },
  'token-shift-failures': {
    AlarmDescription:
      'Callers get 5xx, twice in three minutes at least 5. A shift of traffic that is in progress is rolled back. The log says why in the field error.',
    ...own(namespace, 'ServerErrors'),
    // One caller that repeats its request is not enough.
    Threshold: 4,
    Period: 60,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
  },
});

/** Only where a profile has callers without IAM. */
const federatedAlarms = (namespace) => ({
  'issuer-away': {
    AlarmDescription:
      'The keys of an issuer cannot be read: its callers without IAM get 503 from sandboxes that know none, or none younger than 24 hours. The log has the error in the field error.',
    ...own(namespace, 'IssuerAway'),
    ...LASTING,
  },
});

/** All alarms, by the suffix of their names. */
const alarms = (prefix, { namespace, scheduleMinutes, trafficShift, isFederated, api, serverErrors }) => ({
  ...Object.assign({}, ...functionsOf(isFederated).map(ofFunction(prefix))),
  ...(isFederated ? federatedAlarms(namespace) : {}),
  // Replaces the generic one: a run fails if one token was not renewed, and the next run retries it.
  'prewarm-errors': {
    AlarmDescription: `prewarm could not renew tokens in two runs: they are still handed out until they end. The log group /aws/lambda/${prefix}-prewarm says which, and why, in the field failed.`,
    ...lambda('prewarm', 'Errors'),
    ...AGAIN,
    // At least one run in each period.
    Period: Math.ceil(scheduleMinutes / 5) * 300,
  },
  'prewarm-missing': {
    AlarmDescription:
      'prewarm has not run for 15 minutes: tokens are not renewed ahead, and callers wait for renewals. Look at its schedule in EventBridge.',
    ...lambda('prewarm', 'Invocations'),
    Threshold: 1,
    ComparisonOperator: 'LessThanThreshold',
    Period: 900,
    EvaluationPeriods: 1,
    TreatMissingData: 'breaching',
  },
  'credential-refused': {
    AlarmDescription:
      "ZITADEL refuses a credential, a secret cannot be used, or the issuer of a profile is not ZITADEL's own: the profile gets no new token. The log names the profile, and the reason in the field error, renewal or failed.",
    ...own(namespace, 'CredentialRefused'),
    ...ONCE,
  },
  'credential-expiring': {
    AlarmDescription: `A credential ends in less than ${EXPIRING_DAYS} days; then its profiles get no new tokens. The log names its secret in the field expiring.`,
    ...own(namespace, 'CredentialDaysLeft'),
    Statistic: 'Minimum',
    Threshold: EXPIRING_DAYS,
    ComparisonOperator: 'LessThanThreshold',
    ...DAILY,
  },
  'rotations-failed': {
    AlarmDescription: `A step of a rotation failed; the current key is still good, and Secrets Manager tries again. The log group /aws/lambda/${prefix}-rotate says why, in the field error.`,
    ...own(namespace, 'RotationsFailed'),
    ...ONCE,
  },
  'renewals-failed': {
    AlarmDescription:
      'Tokens are not renewed: they are still handed out until 5 s before they end, then callers get 503. The log says why in the field renewal or failed (prewarm).',
    ...own(namespace, 'RenewalsFailed'),
    ...AGAIN,
  },
  unavailable: {
    AlarmDescription: `Callers get 503: something is away that the broker cannot do without: see table-away, secrets-away, zitadel-away${isFederated ? ', issuer-away' : ''}. The log says what in the field error (dependency, detail).`,
    ...own(namespace, 'Unavailable'),
    ...AGAIN,
  },
  'table-away': {
    AlarmDescription:
      'DynamoDB does not answer or refuses: each sandbox obtains its own tokens and does not see revocations of the others. The log has the error in the field away.',
    ...own(namespace, 'TableAway'),
    ...LASTING,
  },
  'secrets-away': {
    AlarmDescription:
      'Secrets Manager does not answer: sandboxes renew with the last known secret for 24 hours at most, and new ones answer 503. The log has the error in the field away.',
    ...own(namespace, 'SecretsAway'),
    ...LASTING,
  },
  'zitadel-away': {
    AlarmDescription:
      'ZITADEL does not answer, or answers 5xx or 429: no token is renewed, introspected or revoked. Cached tokens are handed out until 5 s before their end. The log has the error in the field away or error.',
    ...own(namespace, 'ZitadelAway'),
    ...LASTING,
  },
  ...Object.fromEntries(Object.entries(BURNS).map(([name, window]) => [name, burn(namespace, window)])),
  ...(trafficShift === '' ? {} : shiftAlarms(namespace)),
  bugs: {
    AlarmDescription:
      'The broker met a bug: a caller got 500, or a token was not renewed ahead. The log says what and where in the fields bug and at; report it.',
    ...own(namespace, 'Bugs'),
    ...ONCE,
  },
  'api-errors': {
    AlarmDescription: `More than ${ERRORS_PERCENT} % of the requests were answered 5xx, in 2 of the last 15 minutes. The log says why in the field error; what never reached a function is in /aws/http-api/${prefix}.`,
    Metrics: [
      // A minute without requests has no share; a minute without errors may have no error count.
      { Id: 'share', Expression: 'IF(requests > 0, 100 * FILL(errors, 0) / requests, 0)', ReturnData: true },
      sum('requests', api('Count')),
      sum('errors', api(serverErrors)),
    ],
    Threshold: ERRORS_PERCENT,
    EvaluationPeriods: 15,
    DatapointsToAlarm: 2,
  },
  'api-latency': {
    AlarmDescription: `One request in a hundred takes longer than ${SLOW_MS / 1000} s: callers may give up. Look in the log at the fields ms, route and away.`,
    ...api('Latency'),
    ExtendedStatistic: 'p99',
    Threshold: SLOW_MS,
    Period: 300,
    EvaluationPeriods: 4,
    DatapointsToAlarm: 3,
  },
});

/** The alarms that each profile has besides, where metrics are counted by profile. */
const BY_PROFILE = ['credential-refused', 'unavailable'];

const ofProfile = (all, profile) =>
  BY_PROFILE.map((name) => ({
    name: `${name}-${profile}`,
    id: `${idOf(name)}${title(profile.replaceAll('-', 'Dash'))}`,
    runbook: name,
    properties: {
      ...all[name],
      AlarmDescription: `Profile ${profile}: ${all[name].AlarmDescription}`,
      Dimensions: [{ Name: 'profile', Value: profile }],
    },
  }));

const idOf = (name) => name.split('-').map(title).join('');

module.exports = async (context) => {
  const { values, place } = await readParameters(context);
  const { prefix } = place;
  const topics = values.alarmTopicArn === '' ? [] : [values.alarmTopicArn];
  const { dimensions, serverErrors } = apiMetrics(values, place);
  const all = alarms(prefix, {
    // As METRICS_NAMESPACE in options.cjs.
    namespace: prefix,
    scheduleMinutes: Number(/\d+/.exec(values.prewarmSchedule)[0]),
    trafficShift: values.trafficShift,
    isFederated: hasFederated(),
    api: (MetricName) => ({ Namespace: 'AWS/ApiGateway', MetricName, Dimensions: dimensions }),
    serverErrors,
  });
  const shared = Object.entries(all).map(([name, properties]) => ({ name, id: idOf(name), runbook: name, properties }));
  const profiles = values.metricsByProfile ? Object.keys(readProfiles().profiles) : [];
  const resource = ({ name, id, runbook, properties }) => [
    `${id}Alarm`,
    {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        AlarmName: `${prefix}-${name}`,
        ...DEFAULTS,
        ...properties,
        AlarmDescription: `${properties.AlarmDescription} ${values.runbooksUrl}#${runbook}`,
        AlarmActions: topics,
        OKActions: topics,
      },
    },
  ];
  const every = [...shared, ...profiles.flatMap((profile) => ofProfile(all, profile))];
  return { Resources: Object.fromEntries(every.map(resource)) };
};
