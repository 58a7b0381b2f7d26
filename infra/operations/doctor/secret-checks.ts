import { type Profiles, type Rotation, secretUses } from '../../../lib/broker/profiles/profile.ts';
import { isSameSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import { DAY_MS } from '../../../lib/core/time.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import { type AwsContext, DEPLOY } from './aws-context.ts';
import type { AwsFacts, SecretState } from './aws-view.ts';
import { type Check, fault, judge, judgeEach, type Problem, warning } from './finding.ts';

/** A key that rotates is replaced earlier. As the alarm on expiring credentials. */
const EXPIRING_MS = 14 * DAY_MS;

const describe = (credential: Credential): string => {
  const kind = credential.kind.replaceAll('_', ' ');
  return credential.kind === 'client_secret' ? kind : `${kind} ${credential.key.kid}`;
};

/** What each reference finds in the secrets that could be read. */
const foundIn = ({ secrets }: AwsFacts) =>
  secrets.flatMap(({ value }) => (value?.ok && value.value.ok ? [...value.value.value] : []));

/** The credentials that could be read, by reference. */
export const credentialsOf = (facts: AwsFacts): ReadonlyMap<string, Credential> =>
  new Map(foundIn(facts).flatMap(([reference, found]) => (found.ok ? [[reference, found.value] as const] : [])));

/** The state of each secret that exists. */
const states = ({ secrets }: AwsFacts): readonly { name: string; state: SecretState }[] =>
  secrets.flatMap(({ name, state }) =>
    state.ok && state.value.kind === 'there' ? [{ name, state: state.value }] : [],
  );

/** How the profiles say that a secret rotates. */
function wantedRotation(name: string, profiles: Profiles): Rotation | undefined {
  const uses = [...profiles.values()].flatMap(secretUses);
  return uses.find(({ secret, rotation }) => rotation && isSameSecret(secret, name))?.rotation;
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

/** The secrets that the profiles use. */
export const SECRET_CHECKS: readonly Check<AwsContext>[] = [
  {
    code: 'ZTB221',
    title: 'secrets',
    fine: ({ facts }) => `${facts.secrets.length} there`,
    run: ({ facts }) =>
      judgeEach(
        facts.secrets,
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
      judgeEach(
        // That its state is not known is reported above.
        facts.secrets.filter(({ state, value }) => state.ok && value !== undefined),
        ({ name, value }) =>
          judge(value, name, (read) => (read.ok ? [] : [fault(name, read.error, 'see docs/secrets.md')])) ?? [],
      ),
  },
  {
    code: 'ZTB223',
    title: 'credentials',
    fine: ({ facts }) => [...credentialsOf(facts)].map(([name, found]) => `${name} (${describe(found)})`).join(', '),
    run: ({ facts }) =>
      judgeEach(foundIn(facts), ([reference, found]) =>
        found.ok ? [] : [fault(reference, found.error, 'see docs/secrets.md')],
      ),
  },
  {
    code: 'ZTB224',
    title: 'expiry of the keys',
    fine: () => `none within ${EXPIRING_MS / DAY_MS} days`,
    run: ({ facts, now }) =>
      judgeEach([...credentialsOf(facts)], ([reference, credential]) => {
        if (credential.kind === 'client_secret' || credential.expiresAt === undefined) return [];
        const leftMs = credential.expiresAt - now;
        const name = `the key ${credential.key.kid}`;
        const todo = 'add a key in ZITADEL, and store its JSON';
        if (leftMs <= 0) return [fault(reference, `${name} has expired`, todo)];
        return leftMs < EXPIRING_MS
          ? [warning(reference, `${name} ends in ${Math.floor(leftMs / DAY_MS)} days`, todo)]
          : [];
      }),
  },
  {
    code: 'ZTB225',
    title: 'labels of the secrets',
    fine: () => 'AWSCURRENT alone',
    run: ({ facts }) =>
      judgeEach(states(facts), ({ name, state: { labels } }) => {
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
    run: (context) => judgeEach(states(context.facts), ({ name, state }) => rotationProblems(name, state, context)),
  },
];
