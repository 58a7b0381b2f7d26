import type { Profile, Profiles, Rotation } from '../../../lib/broker/profiles/profile.ts';
import { nameInArn, splitSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import { DAY_MS, type EpochMs, MINUTE_MS } from '../../../lib/core/time.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import type { AwsFacts, Func, SecretState, Structure } from './aws-view.ts';
import { type Check, type Fact, fault, judge, judgeKnown, type Problem, warning } from './finding.ts';

/** What the group judges: what is deployed, and what a deployment from here would consist of. */
export interface AwsContext {
  readonly facts: AwsFacts;
  /** Absent if it cannot be packaged. */
  readonly expected: Structure | undefined;
  readonly profiles: Profiles;
  /** The profiles that are looked at. */
  readonly chosen: readonly Profile[];
  /** Such as `zitadel-token-broker-prod`. */
  readonly stackName: string;
  /** The account of the deployment, if the operator has named it. */
  readonly account: string | undefined;
  readonly now: EpochMs;
}

const DEPLOY = 'deploy again: npm run deploy -- --stage S';

/** Problems of what a stack should have, by what tells the things apart. */
function compare<T>(
  expected: readonly T[] | undefined,
  actual: readonly T[],
  keyOf: (thing: T) => string,
  differences: (actual: T, expected: T) => readonly Problem[],
): readonly Problem[] {
  const there = new Map(actual.map((thing) => [keyOf(thing), thing]));
  return (expected ?? []).flatMap((thing) => {
    const found = there.get(keyOf(thing));
    return found === undefined ? [fault(keyOf(thing), 'is missing', DEPLOY)] : differences(found, thing);
  });
}

/** The check of one fact of the stack. */
const checkOf = <T>(
  code: string,
  title: string,
  fine: string,
  pick: (facts: AwsFacts) => Fact<T> | undefined,
  run: (value: T, context: AwsContext) => readonly Problem[],
): Check<AwsContext> => ({
  code,
  title,
  fine: () => fine,
  run: (context) => judge(pick(context.facts), title, (value) => run(value, context)),
});

/** As {@link checkOf}, where another check reports that the fact is not known. */
const furtherOf = <T>(...[code, title, fine, pick, run]: Parameters<typeof checkOf<T>>): Check<AwsContext> => ({
  code,
  title,
  fine: () => fine,
  run: (context) => judgeKnown(pick(context.facts), (value) => run(value, context)),
});

const LARGEST_SKEW_MS = MINUTE_MS;

const seconds = (ms: number): string => `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead' : 'behind'}`;

/** Rights that are granted for a parameter of the deployment, which is not known here. */
const isOptional = (right: string): boolean => right.startsWith('kms:');

const variablesOf = ({ environment: { TABLE_NAME, METRICS_NAMESPACE } }: Func) => ({ TABLE_NAME, METRICS_NAMESPACE });

const STACK_CHECKS: readonly Check<AwsContext>[] = [
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
    'IAM on every POST',
    ({ routes }) => routes,
    (routes) =>
      routes.flatMap(({ key, authorisation }) => {
        // Only the metadata is public; what is not known here must not be.
        const isPublic = /^GET .*\/\.well-known\//.test(key);
        if (isPublic || authorisation === 'AWS_IAM') return [];
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
  furtherOf(
    'ZTB208',
    'roles of the functions',
    'one for each',
    ({ functions }) => functions,
    (functions, { expected }) =>
      (expected?.functions ?? []).flatMap(({ name, role }) => {
        const actual = functions.find((one) => one.name === name);
        if (actual === undefined || actual.role === role) return [];
        return [fault(name, `runs with the role ${actual.role}, not ${role}`, DEPLOY)];
      }),
  ),
  furtherOf(
    'ZTB209',
    'environment of the functions',
    'as packaged',
    ({ functions }) => functions,
    (functions, { expected }) =>
      (expected?.functions ?? []).flatMap((wanted) => {
        const actual = functions.find(({ name }) => name === wanted.name);
        if (actual === undefined) return [];
        const has: Readonly<Record<string, string | undefined>> = variablesOf(actual);
        const wrong = Object.entries(variablesOf(wanted)).flatMap(([name, value]) =>
          has[name] === value ? [] : [name],
        );
        return wrong.length === 0
          ? []
          : [fault(wanted.name, `has another ${wrong.join(' and ')} than packaged`, DEPLOY)];
      }),
  ),
  furtherOf(
    'ZTB210',
    'runtime of the functions',
    'as packaged',
    ({ functions }) => functions,
    (functions, { expected }) =>
      (expected?.functions ?? []).flatMap(({ name, runtime }) => {
        const actual = functions.find((one) => one.name === name);
        if (actual === undefined || actual.runtime === runtime) return [];
        return [fault(name, `runs on ${actual.runtime}, not ${runtime}`, DEPLOY)];
      }),
  ),
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
        (actual, { id, rights }) =>
          rights
            .filter((right) => !isOptional(right) && !actual.rights.includes(right))
            .map((right) =>
              fault(id, `lacks ${right}`, `the deployed profiles are others, or someone changed it: ${DEPLOY}`),
            ),
      ),
  ),
  furtherOf(
    'ZTB212',
    'further rights of the roles',
    'none',
    ({ roles }) => roles,
    (roles, { expected }) =>
      (expected?.roles ?? []).flatMap(({ id, rights }) => {
        const actual = roles.find((role) => role.id === id);
        const more = (actual?.rights ?? []).filter((right) => !isOptional(right) && !rights.includes(right));
        const all = [...more, ...(actual?.attached ?? []).map((arn) => `the policy ${arn}`)];
        return all.map((right) => warning(id, `also has ${right}`, `remove it; ${DEPLOY}`));
      }),
  ),
];

/** A key that rotates is replaced earlier. As the alarm on expiring credentials. */
const EXPIRING_MS = 14 * DAY_MS;

const DAY_NAMES = (ms: number): string => `${Math.max(0, Math.floor(ms / DAY_MS))} days`;

const describe = (credential: Credential): string => {
  const kind = credential.kind.replaceAll('_', ' ');
  return credential.kind === 'client_secret' ? kind : `${kind} ${credential.key.kid}`;
};

/** The credentials that could be read, by reference. */
export const credentialsOf = ({ secrets }: AwsFacts): ReadonlyMap<string, Credential> =>
  new Map(
    secrets.flatMap(({ value }) =>
      value?.ok && value.value.ok
        ? [...value.value.value].flatMap(([reference, found]) => (found.ok ? [[reference, found.value] as const] : []))
        : [],
    ),
  );

/** The state of each secret that exists. */
const states = ({ secrets }: AwsFacts): readonly { name: string; state: SecretState }[] =>
  secrets.flatMap(({ name, state }) =>
    state.ok && state.value.kind === 'there' ? [{ name, state: state.value }] : [],
  );

/** How the profiles say that a secret rotates. */
function wantedRotation(name: string, profiles: Profiles): Rotation | undefined {
  const wanted = [...profiles.values()].flatMap(({ secret, rotation, introspection, revocation }) => [
    { secret, rotation },
    { secret: introspection?.secret, rotation: introspection?.rotation },
    { secret: revocation?.secret, rotation: revocation?.rotation },
  ]);
  const plain = nameInArn(name);
  return wanted.find(
    ({ secret, rotation }) => secret !== undefined && rotation && nameInArn(splitSecret(secret).name) === plain,
  )?.rotation;
}

function rotationProblems(name: string, { rotation }: SecretState, { profiles, now, stackName }: AwsContext) {
  const wanted = wantedRotation(name, profiles);
  if (wanted === undefined) {
    if (rotation === undefined) return [];
    return [warning(name, 'rotates, but no profile says so', 'add rotation to the profile, or cancel the rotation')];
  }
  if (rotation === undefined) return [fault(name, 'does not rotate, although a profile says so', DEPLOY)];
  const problems: Problem[] = [];
  // The local stack has no ARN of its own for the function.
  if (!rotation.by.endsWith(`:function:${stackName}-rotate`) && !rotation.by.endsWith(':function:rotate')) {
    problems.push(fault(name, `is rotated by another function, ${rotation.by}`, DEPLOY));
  }
  const days = wanted.everyMs / DAY_MS;
  if (rotation.days !== days) {
    problems.push(warning(name, `rotates every ${rotation.days} days; the profile says ${days}`, DEPLOY));
  }
  if (rotation.nextAt !== undefined && rotation.nextAt + DAY_MS < now) {
    problems.push(fault(name, 'should have rotated more than a day ago', 'read the log of rotate: docs/operating.md'));
  }
  return problems;
}

const SECRET_CHECKS: readonly Check<AwsContext>[] = [
  {
    code: 'ZTB221',
    title: 'secrets',
    fine: ({ facts }) => `${facts.secrets.length} there`,
    run: ({ facts }) =>
      facts.secrets.flatMap(
        ({ name, state }) =>
          judge(state, name, ({ kind }) => {
            if (kind === 'there') return [];
            return kind === 'missing'
              ? [fault(name, 'does not exist', 'create it (docs/secrets.md), or correct the name in the profile')]
              : [
                  fault(
                    name,
                    'is marked for deletion',
                    'restore it: aws secretsmanager restore-secret --secret-id NAME',
                  ),
                ];
          }) ?? [],
      ),
  },
  {
    code: 'ZTB222',
    title: 'values of the secrets',
    fine: () => 'readable',
    run: ({ facts }) =>
      facts.secrets.flatMap(
        ({ name, state, value }) =>
          // Reported above.
          (state.ok
            ? judge(value, name, (read) => (read.ok ? [] : [fault(name, read.error, 'see docs/secrets.md')]))
            : []) ?? [],
      ),
  },
  {
    code: 'ZTB223',
    title: 'credentials',
    fine: ({ facts }) => [...credentialsOf(facts)].map(([name, found]) => `${name} (${describe(found)})`).join(', '),
    run: ({ facts }) =>
      facts.secrets.flatMap(({ value }) =>
        value?.ok && value.value.ok
          ? [...value.value.value].flatMap(([reference, found]) =>
              found.ok ? [] : [fault(reference, found.error, 'see docs/secrets.md')],
            )
          : [],
      ),
  },
  {
    code: 'ZTB224',
    title: 'expiry of the keys',
    fine: () => `none within ${EXPIRING_MS / DAY_MS} days`,
    run: ({ facts, now }) =>
      [...credentialsOf(facts)].flatMap(([reference, credential]) => {
        if (credential.kind === 'client_secret' || credential.expiresAt === undefined) return [];
        const leftMs = credential.expiresAt - now;
        const name = `the key ${credential.key.kid}`;
        const todo = 'add a key in ZITADEL, and store its JSON';
        if (leftMs <= 0) return [fault(reference, `${name} has expired`, todo)];
        return leftMs < EXPIRING_MS ? [warning(reference, `${name} ends in ${DAY_NAMES(leftMs)}`, todo)] : [];
      }),
  },
  {
    code: 'ZTB225',
    title: 'labels of the secrets',
    fine: () => 'AWSCURRENT alone',
    run: ({ facts }) =>
      states(facts).flatMap(({ name, state: { labels } }) => {
        const pending = labels.some((some) => some.includes('AWSPENDING') && !some.includes('AWSCURRENT'));
        if (!pending) return [];
        const says = 'has a version AWSPENDING: a rotation is under way, or has failed';
        return [warning(name, says, 'if it stays, read the log of rotate: docs/operating.md')];
      }),
  },
  {
    code: 'ZTB226',
    title: 'rotation of the secrets',
    fine: () => 'as the profiles say',
    run: (context) => states(context.facts).flatMap(({ name, state }) => rotationProblems(name, state, context)),
  },
];

const TABLE_CHECKS: readonly Check<AwsContext>[] = [
  checkOf(
    'ZTB231',
    'table',
    'active',
    ({ table }) => table,
    ({ name, status, key }) => {
      if (status === 'MISSING') {
        const todo = 'create it: docs/storage.md; a deployment without changes does not';
        return [fault(name, 'does not exist: each sandbox obtains its own tokens', todo)];
      }
      if (status !== 'ACTIVE') return [fault(name, `is ${status}`, 'wait; if it stays, see the console of DynamoDB')];
      return key.join() === 'pk'
        ? []
        : [fault(name, `has the key ${key.join(', ')}, not pk`, 'remove it, and deploy again')];
    },
  ),
  ...(
    [
      [
        'ZTB232',
        'expiry of rows',
        'by the attribute ttl',
        'ttl',
        'does not remove expired rows (TTL on the attribute ttl)',
      ],
      ['ZTB233', 'recovery of the table', 'point in time', 'isRecoverable', 'has no point-in-time recovery'],
      ['ZTB234', 'deletion protection', 'as packaged', 'isProtected', 'has no deletion protection'],
      [
        'ZTB235',
        'encryption of the table',
        'with its KMS key',
        'encryption',
        'is not encrypted with a KMS key, or cannot use it',
      ],
    ] as const
  ).map(([code, title, fine, field, says]) =>
    furtherOf(
      code,
      title,
      fine,
      ({ table }: AwsFacts) => table,
      (table, { expected }: AwsContext) => {
        const wanted = expected?.table?.[field];
        // What is safer than packaged is no problem.
        if (table.status === 'MISSING' || wanted === undefined || wanted === false || table[field] === wanted)
          return [];
        return [fault(table.name, says, DEPLOY)];
      },
    ),
  ),
];

const WATCH_CHECKS: readonly Check<AwsContext>[] = [
  checkOf(
    'ZTB241',
    'alarms',
    'there and enabled',
    ({ alarms }) => alarms,
    (alarms, { expected }) =>
      compare(
        expected?.alarms,
        alarms,
        ({ name }) => name,
        ({ name, isEnabled }) =>
          isEnabled
            ? []
            : [fault(name, 'tells nobody: its actions are disabled', 'aws cloudwatch enable-alarm-actions')],
      ),
  ),
  furtherOf(
    'ZTB242',
    'topic of the alarms',
    'every alarm has one',
    ({ alarms }) => alarms,
    (alarms) => {
      const silent = alarms.filter(({ topics }) => topics.length === 0).map(({ name }) => name);
      if (silent.length === 0) return [];
      const isAll = silent.length === alarms.length;
      const todo = 'set the parameter alarmTopicArn, and deploy again';
      return [warning(isAll ? 'alarms' : silent.join(', '), 'tell nobody: they have no topic', todo)];
    },
  ),
  checkOf(
    'ZTB243',
    'subscribers of the alarms',
    'confirmed',
    ({ topics }) => topics,
    (topics) =>
      topics.flatMap(({ arn, confirmed, pending }) => {
        if (confirmed > 0) return [];
        return pending > 0
          ? [
              fault(
                arn,
                'has no confirmed subscriber, but one that has not confirmed',
                'open the mail of AWS, and confirm',
              ),
            ]
          : [fault(arn, 'has no subscriber: nobody hears of alarms', 'subscribe someone: aws sns subscribe')];
      }),
  ),
  furtherOf(
    'ZTB244',
    'state of the alarms',
    'none fires',
    ({ alarms }) => alarms,
    (alarms) =>
      alarms
        .filter(({ state }) => state === 'ALARM')
        .map(({ name }) => warning(name, 'fires', 'its description says what to do first')),
  ),
  checkOf(
    'ZTB245',
    'rules',
    'enabled',
    ({ rules }) => rules,
    (rules, { expected }) =>
      compare(
        expected?.rules,
        rules,
        ({ id }) => id,
        ({ id, isEnabled }) =>
          isEnabled ? [] : [fault(id, 'is disabled: tokens are not renewed ahead', 'aws events enable-rule')],
      ),
  ),
  furtherOf(
    'ZTB246',
    'targets of the rules',
    'as packaged',
    ({ rules }) => rules,
    (rules, { expected }) =>
      (expected?.rules ?? []).flatMap(({ id, targets }) => {
        const actual = rules.find((rule) => rule.id === id);
        const lost = targets.filter((target) => actual !== undefined && !actual.targets.includes(target));
        return lost.length === 0 ? [] : [fault(id, `does not call ${lost.join(', ')}`, DEPLOY)];
      }),
  ),
  furtherOf(
    'ZTB247',
    'schedule of prewarm',
    'as packaged',
    ({ rules }) => rules,
    (rules, { expected }) =>
      (expected?.rules ?? []).flatMap(({ id, schedule }) => {
        const actual = rules.find((rule) => rule.id === id);
        if (actual === undefined || actual.schedule === schedule) return [];
        return [warning(id, `runs ${actual.schedule}; packaged is ${schedule}`, DEPLOY)];
      }),
  ),
];

const FORBIDDEN = 403;

const DOOR_CHECKS: readonly Check<AwsContext>[] = [
  checkOf(
    'ZTB251',
    'request without a signature',
    'refused',
    ({ door }) => door,
    ({ unsignedStatus }) =>
      unsignedStatus === FORBIDDEN
        ? []
        : [
            fault(
              'request without a signature',
              `is answered ${unsignedStatus}, not 403`,
              'check the routes; deploy again',
            ),
          ],
  ),
  furtherOf(
    'ZTB252',
    'metadata',
    'names this broker',
    ({ door }) => door,
    ({ metadataStatus, tokenEndpoint }) => {
      if (metadataStatus !== 200) {
        return [fault('metadata', `is answered ${metadataStatus}`, 'read the log of metadata: docs/operating.md')];
      }
      return tokenEndpoint === ''
        ? [fault('metadata', 'names another token endpoint than the broker has', 'correct the parameter publicUrl')]
        : [];
    },
  ),
];

export const AWS_CHECKS: readonly Check<AwsContext>[] = [
  ...STACK_CHECKS,
  ...SECRET_CHECKS,
  ...TABLE_CHECKS,
  ...WATCH_CHECKS,
  ...DOOR_CHECKS,
];
