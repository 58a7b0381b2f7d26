// The parameters of a deployment: what each may be. serverless.yml has the defaults, docs/deploy.md the meanings.
const { X509Certificate } = require('node:crypto');
const { existsSync, readFileSync } = require('node:fs');
const path = require('node:path');
const readProfiles = require('./chosen-profiles.cjs');
const { hasFederated } = require('./federated-profiles.cjs');

/** @typedef {{ value: unknown } | { problem: string }} Checked a problem completes the sentence "NAME must be …" */

const value = (is) => ({ value: is });
const problem = (must) => ({ problem: must });

/** A rule that also takes the empty text: the parameter is not set. */
const optional =
  (rule, unset = '') =>
  (text, place) =>
    text === '' ? value(unset) : rule(text, place);

const oneOf =
  (...values) =>
  (text) =>
    values.includes(text) ? value(text) : problem(`one of ${values.join(', ')}`);

const isOn = (text) => (['true', 'false'].includes(text) ? value(text === 'true') : problem('true or false'));

const number =
  (least, most, { isWhole = false } = {}) =>
  (text) => {
    const is = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (is >= least && is <= most && (!isWhole || Number.isInteger(is))) return value(is);
    return problem(`a${isWhole ? ' whole' : ''} number from ${least} to ${most}`);
  };

const matching = (pattern, must) => (text) => (pattern.test(text) ? value(text) : problem(must));

/** Several, separated by commas. */
const listOf = (rule) => (text, place) => {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const checked = items.map((item) => rule(item, place));
  return checked.find((item) => 'problem' in item) ?? value(items);
};

/** An ARN of the deployment's own region, where the service demands it. */
const arn =
  (service, resource, example, { ownRegion = true } = {}) =>
  (text, { region }) => {
    const match = new RegExp(`^arn:aws[a-z-]*:${service}:([a-z0-9-]*):\\d{12}:${resource}$`).exec(text);
    if (match === null) return problem(`an ARN such as ${example}`);
    if (ownRegion && match[1] !== '' && match[1] !== region) return problem(`in ${region}, where the broker is`);
    return value(text);
  };

const TOPIC = arn('sns', '[A-Za-z0-9_-]{1,256}', 'arn:aws:sns:eu-central-1:111122223333:alarms');
const KEY = (options) =>
  arn('kms', 'key/[A-Za-z0-9-]+', 'arn:aws:kms:eu-central-1:111122223333:key/ID (of a key, not of an alias)', options);

/** What CloudWatch Logs accepts (PutRetentionPolicy). */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
].map(String);

/** How CodeDeploy shifts traffic: AWS CodeDeploy, Deployment configurations on an AWS Lambda compute platform. */
const SHIFTS = [
  ...['5', '10', '15', '30'].map((minutes) => `Canary10Percent${minutes}Minutes`),
  ...['1', '2', '3', '10'].map((minutes) => `Linear10PercentEvery${minutes}Minute${minutes === '1' ? '' : 's'}`),
  'AllAtOnce',
];

/** Of the functions, and of the API. */
const LOG_GROUPS = ['token', 'introspect', 'revoke', 'metadata', 'prewarm', 'rotate', 'federated', 'access'];

/** Those of a deployment. */
const logGroups = () => LOG_GROUPS.filter((name) => name !== 'federated' || hasFederated());

/**
 * The regions with FIPS endpoints of Secrets Manager, DynamoDB, KMS and STS (AWS, FIPS endpoints by service).
 */
const FIPS_REGIONS = /^(us|us-gov|ca)-/;

/** Above this many minutes between two runs, the alarm on missing runs would never end. */
const MOST_SCHEDULE_MINUTES = 15;

function schedule(text) {
  const minutes = Number(/^rate\((\d+) minutes?\)$/.exec(text)?.[1] ?? Number.NaN);
  return minutes >= 1 && minutes <= MOST_SCHEDULE_MINUTES
    ? value(text)
    : problem(`rate(1 minute) to rate(${MOST_SCHEDULE_MINUTES} minutes): tokens and the alarms need its runs`);
}

/** The origin and path of an https URL, without a trailing slash. */
function httpsUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '') {
    return problem('an https URL such as https://tokens.example.com, without a query');
  }
  return value(`${url.origin}${url.pathname.replace(/\/+$/, '')}`);
}

/** The problem does not repeat the URL: it may contain a password. */
function proxyUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return ['http:', 'https:'].includes(url?.protocol)
    ? value(text)
    : problem('a URL such as http://proxy.example.com:3128 (http or https)');
}

/** The file of additional certificate authorities: a path within the project, in the package under the same path. */
function caFile(file) {
  const inside = path.relative(process.cwd(), path.resolve(file)).replaceAll(path.sep, '/');
  if (inside.startsWith('..') || path.isAbsolute(inside)) {
    return problem(`a file within the project, so that it can be packaged; ${file} is not`);
  }
  const pems = [
    ...(existsSync(file) ? readFileSync(file, 'utf8') : '').matchAll(
      /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g,
    ),
  ];
  if (pems.length === 0) return problem(`a file of certificates in PEM; ${file} has none`);
  for (const [at, [pem]] of pems.entries()) {
    try {
      new X509Certificate(pem);
    } catch {
      return problem(`a file of certificates in PEM; certificate ${at + 1} in ${file} cannot be read`);
    }
  }
  return value(inside);
}

function profilesIssuer(text) {
  const issuers = [...new Set(Object.values(readProfiles().profiles ?? {}).map(({ issuer }) => issuer))];
  return issuers.includes(text) ? value(text) : problem(`an issuer of the profiles: ${issuers.join(', ')}`);
}

/** Each parameter, and its rule; an optional one may be empty. */
const RULES = {
  logRetentionDays: oneOf(...RETENTION_DAYS),
  throttleRate: number(1, 100_000),
  throttleBurst: number(1, 100_000, { isWhole: true }),
  alarmTopicArn: optional(TOPIC),
  runbooksUrl: matching(/^\S{1,300}$/, 'a URL or path without spaces'),
  metricsByProfile: isOn,
  tracing: oneOf('PassThrough', 'Active'),
  secretsKmsKeyArn: optional(listOf(KEY({ ownRegion: false })), []),
  tableKmsKeyArn: optional(KEY()),
  prewarmSchedule: schedule,
  // As in lib/core/limits.ts.
  requestTimeoutSeconds: number(3, 5),
  httpsProxy: optional(proxyUrl),
  noProxy: (text) => value(text),
  caBundle: optional(caFile),
  publicUrl: optional(httpsUrl),
  api: oneOf('http', 'private'),
  vpcEndpointIds: listOf(matching(/^vpce-[0-9a-f]{8,17}$/, 'ids of VPC endpoints such as vpce-0123456789abcdef0')),
  callerAccounts: listOf(matching(/^\d{12}$/, 'ids of AWS accounts, of 12 digits each')),
  callerOrganization: optional(matching(/^o-[a-z0-9]{10,32}$/, 'the id of an AWS organisation such as o-a1b2c3d4e5')),
  apiLogsRole: optional(oneOf('create')),
  domainName: optional(
    matching(
      /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,251}\.[a-z]{2,63}$/,
      'a domain name in small letters such as tokens.example.com',
    ),
  ),
  certificateArn: optional(
    arn('acm', 'certificate/[A-Za-z0-9-]+', 'arn:aws:acm:eu-central-1:111122223333:certificate/ID'),
  ),
  basePath: optional(matching(/^[\w.-]{1,100}$/, 'one segment of a path, without slashes')),
  metadataIssuer: optional(profilesIssuer),
  deletionProtection: isOn,
  reservedConcurrency: optional(number(1, 100_000, { isWhole: true }), null),
  federatedThrottleRate: number(1, 100_000),
  federatedThrottleBurst: number(1, 100_000, { isWhole: true }),
  federatedReservedConcurrency: optional(number(1, 100_000, { isWhole: true }), null),
  secretsPrefix: optional(matching(/^[\w/+=.@-]+$/, 'the beginning of names of secrets, without *')),
  callerRate: optional(number(0.1, 100_000)),
  vpcSubnetIds: listOf(matching(/^subnet-[0-9a-f]{8,17}$/, 'ids of subnets such as subnet-0123456789abcdef0')),
  vpcSecurityGroupIds: listOf(matching(/^sg-[0-9a-f]{8,17}$/, 'ids of security groups such as sg-0123456789abcdef0')),
  permissionsBoundaryArn: optional(
    matching(
      /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/[\w+=,.@/-]+$/,
      'an ARN such as arn:aws:iam::111122223333:policy/boundary',
    ),
  ),
  fips: isOn,
  trafficShift: optional(oneOf(...SHIFTS)),
  existingLogGroups: listOf(oneOf(...LOG_GROUPS)),
};

/** Of a name that is no parameter: the parameter that is probably meant. */
function meant(name) {
  const near = Object.keys(RULES).find((known) => known.toLowerCase() === name.toLowerCase());
  return near === undefined ? `known are ${Object.keys(RULES).join(', ')}` : `is ${near} meant?`;
}

/** Faults of what is set together, and what is probably forgotten. */
function together(values, { stage, service, region }) {
  const faults = [];
  const warnings = [];
  const longest = `${service}-${stage}-introspect`;
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(stage)) {
    faults.push(`The stage ${stage} must begin with a letter and contain only letters, digits and hyphens`);
  } else if (longest.length > LONGEST_FUNCTION_NAME) {
    const most = stage.length - (longest.length - LONGEST_FUNCTION_NAME);
    faults.push(
      `The stage ${stage} is too long: the function ${longest} would have ${longest.length} characters, and Lambda allows ${LONGEST_FUNCTION_NAME}. Choose a stage of at most ${most}`,
    );
  }
  if (values.fips && !FIPS_REGIONS.test(region)) {
    faults.push(`fips must be false in ${region}: AWS has FIPS endpoints in the regions us-*, us-gov-* and ca-* only`);
  }
  if ((values.vpcSubnetIds.length === 0) !== (values.vpcSecurityGroupIds.length === 0)) {
    faults.push('vpcSubnetIds and vpcSecurityGroupIds must be set together');
  }
  if (values.api === 'private') {
    if (values.vpcEndpointIds.length === 0) {
      faults.push('vpcEndpointIds must be set with api=private: nobody could reach the broker');
    }
    if (values.apiLogsRole === '') {
      warnings.push(
        'API Gateway writes the access log of a REST API only with a role of the account (aws apigateway get-account): set apiLogsRole=create if this region has none.',
      );
    }
  } else {
    const without = ['vpcEndpointIds', 'callerAccounts', 'callerOrganization', 'apiLogsRole'].filter(
      (name) => values[name].length > 0,
    );
    faults.push(...without.map((name) => `${name} has no effect without api=private`));
  }
  if ((values.domainName === '') !== (values.certificateArn === '')) {
    faults.push('domainName and certificateArn must be set together');
  }
  if (values.basePath !== '' && values.domainName === '') faults.push('basePath has no effect without domainName');
  if (hasFederated()) {
    // A route of its own limit has no other: it must not admit more than all routes may.
    const above = ['Rate', 'Burst'].filter((limit) => values[`federatedThrottle${limit}`] > values[`throttle${limit}`]);
    faults.push(...above.map((limit) => `federatedThrottle${limit} must be at most throttle${limit}`));
  } else {
    if (values.federatedReservedConcurrency !== null) {
      faults.push('federatedReservedConcurrency has no effect: no profile has a caller without IAM');
    }
    if (values.existingLogGroups.includes('federated')) {
      faults.push('existingLogGroups names federated, which is not deployed: no profile has a caller without IAM');
    }
  }
  if (stage === 'prod' && values.alarmTopicArn === '') {
    warnings.push('No one learns of the alarms: set alarmTopicArn to the ARN of an SNS topic.');
  }
  return { faults, warnings };
}

const LONGEST_FUNCTION_NAME = 64;

/**
 * Reads and checks the parameters.
 * @returns {Promise<{ values: object, place: object, faults: string[], warnings: string[] }>} a faulty parameter has the
 *   value of its default, so that all faults are known at once
 */
module.exports = async ({ options, resolveVariable, resolveConfigurationProperty }) => {
  const text = async (name) => String((await resolveVariable(name)) ?? '').trim();
  const [region, stage, service] = await Promise.all(['self:provider.region', 'sls:stage', 'self:service'].map(text));
  // What the names of resources begin with.
  const place = { region, stage, service, prefix: `${service}-${stage}` };
  const sections = (await resolveConfigurationProperty(['params'])) ?? {};
  const defaults = sections.default ?? {};
  const given = [options.param ?? []].flat().map((pair) => String(pair).split('=')[0]);
  const named = new Set([...given, ...Object.values(sections).flatMap((section) => Object.keys(section ?? {}))]);
  const faults = [...named]
    .filter((name) => !Object.hasOwn(RULES, name))
    .map((name) => `${name} is not a parameter: ${meant(name)}`);
  const values = {};
  for (const [name, rule] of Object.entries(RULES)) {
    const checked = rule(await text(`param:${name}`), place);
    if ('problem' in checked) faults.push(`${name} must be ${checked.problem}`);
    values[name] = 'value' in checked ? checked.value : rule(String(defaults[name] ?? ''), place).value;
  }
  const found = together(values, place);
  return { values, place, faults: [...faults, ...found.faults], warnings: found.warnings };
};

Object.assign(module.exports, { names: Object.keys(RULES), logGroups });
