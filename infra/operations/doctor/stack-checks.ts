import { MINUTE_MS } from '../../../lib/core/time.ts';
import { type AwsContext, checkOf, compare, compareFound, DEPLOY, furtherOf } from './aws-context.ts';
import type { Func } from './aws-view.ts';
import { type Check, fault, judge, warning } from './finding.ts';

/** The only open route besides metadata, if the profiles list callers without IAM. */
const WITHOUT_IAM = 'POST /federated/{profile}/oauth/v2/token';

const LARGEST_SKEW_MS = MINUTE_MS;

const seconds = (ms: number): string => `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead' : 'behind'}`;

/** Rights that are granted for a parameter of the deployment, which is not known here. */
const isOptional = (right: string): boolean => right.startsWith('kms:');

/** The variables by which the functions find what they share. */
const variablesOf = ({ environment: { TABLE_NAME, METRICS_NAMESPACE } }: Func): string =>
  `TABLE_NAME=${TABLE_NAME} METRICS_NAMESPACE=${METRICS_NAMESPACE}`;

/** The check that a part of each function is as packaged. */
const functionCheck = (code: string, title: string, partOf: (one: Func) => string, what: string): Check<AwsContext> =>
  furtherOf(
    code,
    title,
    'as packaged',
    ({ functions }) => functions,
    (functions, { expected }) =>
      compareFound(
        expected?.functions,
        functions,
        ({ name }) => name,
        (actual, wanted) =>
          partOf(actual) === partOf(wanted)
            ? []
            : [fault(actual.name, `has ${what} ${partOf(actual)}; packaged is ${partOf(wanted)}`, DEPLOY)],
      ),
  );

/** What CloudFormation has made, and whether it is still so. */
export const STACK_CHECKS: readonly Check<AwsContext>[] = [
  {
    code: 'ZTB201',
    title: 'identity',
    fine: ({ facts: { identity } }) => (identity.ok ? identity.value.arn : ''),
    run: ({ facts, account }) =>
      judge(facts.identity, 'identity', (who) =>
        account === undefined || account === who.account
          ? []
          : [
              fault(
                'identity',
                `is of the account ${who.account}, not ${account}`,
                'set AWS_PROFILE, or AWS_ACCOUNT_ID',
              ),
            ],
      ),
  },
  {
    code: 'ZTB202',
    title: 'clock of this machine',
    fine: () => "agrees with AWS's",
    run: ({ facts: { clockAheadMs: ms } }) => {
      if (ms === undefined) return undefined;
      if (Math.abs(ms) < LARGEST_SKEW_MS) return [];
      return [
        warning('clock of this machine', `is ${seconds(ms)} of AWS's`, 'set it; after 5 minutes AWS refuses you'),
      ];
    },
  },
  checkOf(
    'ZTB203',
    'stack',
    'complete',
    ({ stack }) => stack,
    (stack, { stackName, facts }) => {
      if (stack === undefined) {
        const region = facts.identity.ok ? facts.identity.value.region : '';
        return [fault(stackName, `is not in ${region}`, 'are --stage, --region and the AWS account right?')];
      }
      const { status } = stack;
      if (/ROLLBACK_COMPLETE$/.test(status)) {
        const says = `is ${status}: the last deployment failed, and what was before it is there`;
        return [warning(stackName, says, 'find the reason in the events of the stack, and deploy again')];
      }
      if (/_COMPLETE$/.test(status) && !status.startsWith('DELETE')) return [];
      if (/_IN_PROGRESS$/.test(status)) return [warning(stackName, `is ${status}`, 'wait until it has ended')];
      return [fault(stackName, `is ${status}`, 'find the reason in the events of the stack, and deploy again')];
    },
  ),
  furtherOf(
    'ZTB204',
    'drift of the stack',
    'none is known; --drift looks',
    ({ stack }) => stack,
    (stack) =>
      stack?.drift === 'DRIFTED'
        ? [warning('stack', 'was changed by hand since it was deployed', 'CloudFormation lists the changes; undo them')]
        : [],
  ),
  checkOf(
    'ZTB205',
    'routes',
    'as packaged',
    ({ routes }) => routes,
    (routes, { expected }) => [
      ...compare(
        expected?.routes,
        routes,
        ({ key }) => key,
        () => [],
      ),
      ...routes
        .filter(({ key }) => expected !== undefined && !expected.routes.some((route) => route.key === key))
        .map(({ key }) => warning(key, 'is not a route of this version', 'remove it, or find out who needs it')),
    ],
  ),
  furtherOf(
    'ZTB206',
    'authorisation of the routes',
    'IAM on every POST but that of callers without IAM',
    ({ routes }) => routes,
    (routes, { expected }) =>
      routes.flatMap(({ key, authorisation }) => {
        // Only the metadata is public; what is not known here must not be.
        const isPublic = /^GET .*\/\.well-known\//.test(key);
        // Its function verifies assertions; one that is deployed by mistake is reported too.
        const isWithoutIam = key === WITHOUT_IAM && expected?.routes.some((route) => route.key === key) !== false;
        if (isWithoutIam && authorisation === 'AWS_IAM')
          return [fault(key, 'needs an IAM signature, and its callers have no IAM', DEPLOY)];
        if (isPublic || isWithoutIam || authorisation === 'AWS_IAM') return [];
        return [
          fault(key, `needs no IAM signature (${authorisation}): anyone may call it`, `set AWS_IAM at once; ${DEPLOY}`),
        ];
      }),
  ),
  checkOf(
    'ZTB207',
    'functions',
    'active',
    ({ functions }) => functions,
    (functions, { expected }) =>
      compare(
        expected?.functions,
        functions,
        ({ name }) => name,
        ({ name, state }) => (state === 'Active' ? [] : [fault(name, `does not run: ${state}`, DEPLOY)]),
      ),
  ),
  functionCheck('ZTB208', 'roles of the functions', ({ role }) => role, 'the role'),
  functionCheck('ZTB209', 'environment of the functions', variablesOf, 'the environment'),
  functionCheck('ZTB210', 'runtime of the functions', ({ runtime }) => runtime, 'the runtime'),
  checkOf(
    'ZTB211',
    'rights of the roles',
    'what the profiles need',
    ({ roles }) => roles,
    (roles, { expected }) =>
      compare(
        expected?.roles,
        roles,
        ({ id }) => id,
        (actual, { id, rights }) => {
          const [first, ...others] = rights.filter((right) => !isOptional(right) && !actual.rights.includes(right));
          if (first === undefined) return [];
          const says = `lacks ${first}${others.length === 0 ? '' : `, and ${others.length} rights more`}`;
          return [fault(id, says, `the deployed profiles are others, or someone changed it: ${DEPLOY}`)];
        },
      ),
  ),
  furtherOf(
    'ZTB212',
    'further rights of the roles',
    'none',
    ({ roles }) => roles,
    (roles, { expected }) =>
      compareFound(
        expected?.roles,
        roles,
        ({ id }) => id,
        (actual, { id, rights }) => {
          const more = actual.rights.filter((right) => !isOptional(right) && !rights.includes(right));
          const all = [...more, ...actual.attached.map((arn) => `the policy ${arn}`)];
          return all.map((right) => warning(id, `also has ${right}`, `remove it; ${DEPLOY}`));
        },
      ),
  ),
];
