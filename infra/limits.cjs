// What AWS refuses in the middle of a deployment, measured before it. Each limit has its source.
const { statSync } = require('node:fs');
const { charactersOf, INLINE_CHARACTERS, MANAGED_CHARACTERS, MANAGED_POLICIES } = require('./policies.cjs');

/** AWS CloudFormation quotas: of a template in S3, in bytes, and of what is in it. */
const TEMPLATE_BYTES = 1_000_000;
const RESOURCES = 500;
const OUTPUTS = 200;

/** Lambda quotas: what a function holds, unpacked; its variables, together; its name. */
const UNPACKED_BYTES = 250_000_000;
const ENVIRONMENT_BYTES = 4096;
const FUNCTION_NAME = 64;

/** CloudWatch, PutMetricAlarm. */
const ALARM_DESCRIPTION = 1024;
const ALARM_NAME = 255;

const isOf =
  (type) =>
  ([, { Type }]) =>
    Type === type;

/** What adds one resource or more for each of something, most first: what to have less of. */
function mostOf(resources) {
  const counts = new Map();
  for (const { Type } of Object.values(resources)) counts.set(Type, (counts.get(Type) ?? 0) + 1);
  const [[type, count]] = [...counts].sort(([, a], [, b]) => b - a);
  const remedy = {
    'AWS::SecretsManager::RotationSchedule': 'let fewer secrets rotate in this deployment',
    'AWS::CloudWatch::Alarm': 'set metricsByProfile=false',
  }[type];
  return `${count} of them are ${type}${remedy === undefined ? '' : `: ${remedy}, or deploy a second broker for some profiles`}`;
}

const tooMuch = (what, is, most, remedy = '') => (is > most ? [`${what}: ${is}, and AWS allows ${most}${remedy}`] : []);

/** The policies of one role: those inline, those that it names, and those that name it. */
function roleFaults([id, { Properties }], all, region) {
  const names = ({ Roles = [] }) => Roles.some((role) => role.Ref === id);
  const inline = [
    ...(Properties.Policies ?? []),
    ...all
      .filter(isOf('AWS::IAM::Policy'))
      .flatMap(([, policy]) => (names(policy.Properties) ? [policy.Properties] : [])),
  ];
  const attached = [
    ...(Properties.ManagedPolicyArns ?? []),
    ...all.filter(([, one]) => one.Type === 'AWS::IAM::ManagedPolicy' && names(one.Properties)),
  ];
  const characters = inline.reduce((sum, { PolicyDocument }) => sum + charactersOf(PolicyDocument, region), 0);
  return [
    ...tooMuch(`The inline policies of ${id} have too many characters`, characters, INLINE_CHARACTERS),
    ...tooMuch(`${id} has too many managed policies`, attached.length, MANAGED_POLICIES),
  ];
}

function functionFaults([id, { Properties }]) {
  const variables = JSON.stringify(Properties.Environment?.Variables ?? {}).length;
  return [
    ...tooMuch(`The variables of ${id} are too long`, variables, ENVIRONMENT_BYTES, ': shorten httpsProxy or noProxy'),
    ...tooMuch(`The name of ${id} is too long`, Properties.FunctionName.length, FUNCTION_NAME),
  ];
}

const alarmFaults = ([id, { Properties }]) => [
  ...tooMuch(
    `The description of ${id} is too long`,
    Properties.AlarmDescription.length,
    ALARM_DESCRIPTION,
    ': shorten runbooksUrl',
  ),
  ...tooMuch(`The name of ${id} is too long`, Properties.AlarmName.length, ALARM_NAME),
];

/**
 * Everything in a template that AWS would refuse.
 * @param {object} template a CloudFormation template
 * @param {{ region: string, bundles: string[] }} of the deployment; the files that functions hold
 * @returns {string[]} the faults, one sentence each
 */
module.exports = (template, { region, bundles }) => {
  const all = Object.entries(template.Resources);
  // As the deployment tool writes it.
  const bytes = Buffer.byteLength(JSON.stringify(template, null, 2));
  return [
    ...tooMuch('The template has too many resources', all.length, RESOURCES, `. ${mostOf(template.Resources)}`),
    ...tooMuch('The template has too many bytes', bytes, TEMPLATE_BYTES, ': deploy a second broker for some profiles'),
    ...tooMuch('The template has too many outputs', Object.keys(template.Outputs ?? {}).length, OUTPUTS),
    ...all.filter(isOf('AWS::IAM::Role')).flatMap((role) => roleFaults(role, all, region)),
    ...all
      .filter(isOf('AWS::IAM::ManagedPolicy'))
      .flatMap(([id, { Properties }]) =>
        tooMuch(`The policy ${id} is too long`, charactersOf(Properties.PolicyDocument, region), MANAGED_CHARACTERS),
      ),
    ...all.filter(isOf('AWS::Lambda::Function')).flatMap(functionFaults),
    ...all.filter(isOf('AWS::CloudWatch::Alarm')).flatMap(alarmFaults),
    ...bundles.flatMap((file) => tooMuch(`The bundle ${file} has too many bytes`, statSync(file).size, UNPACKED_BYTES)),
  ];
};
