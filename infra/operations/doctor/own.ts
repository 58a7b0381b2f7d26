import { statSync } from 'node:fs';
import { join } from 'node:path';
import { partition } from '@aws-sdk/core/client';
import type { Profile, Profiles } from '../../../lib/broker/profiles/profile.ts';
import type { Result } from '../../../lib/core/result.ts';
import { type EpochMs, instant } from '../../../lib/core/time.ts';
import { audiencesOf } from '../../../lib/zitadel/scope.ts';
import type { ProfilesFileFaults } from '../../build/profiles-file.ts';
import { EXAMPLE_ACCOUNT, findFaults, findWarnings } from '../../build/profiles-warnings.ts';
import type { Place } from './aws-view.ts';
import { type Check, type Fact, fault, type Problem, warning } from './finding.ts';
import type { Template } from './template.ts';

/** The facts that need no network. */
export interface OwnFacts {
  /** Such as `v24.0.0`. */
  readonly nodeVersion: string;
  readonly isLocal: boolean;
  readonly profiles: Result<Profiles, ProfilesFileFaults>;
  readonly profilesChangedAt: EpochMs | undefined;
  readonly bundledAt: EpochMs | undefined;
  readonly place: Place;
  /** The account of the deployment, if it is known. */
  readonly account: string | undefined;
  /** As it would be deployed from here; absent if the profiles have faults. */
  readonly template?: Fact<Template>;
}

/** When the last of some files was changed; `undefined` if there is none. */
export function changedAt(...files: readonly string[]): EpochMs | undefined {
  const changes = files.flatMap((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? []);
  return changes.length === 0 ? undefined : instant(Math.max(...changes));
}

/** The bundle that a deployment makes first. */
export const BUNDLE_FILE = join(import.meta.dirname, '../../../.build/token/index.cjs');

/** Where the deployment is; an unknown account has the length of a known one. */
export function placeOf(region: string, account = '000000000000'): Place {
  const { name, dnsSuffix } = partition(region);
  return { partition: name, region, account, dnsSuffix };
}

/** Defined in the published package, which is built for older versions of Node than the sources. */
declare const VERSION: string | undefined;
const LEAST_NODE_MAJOR = typeof VERSION === 'undefined' ? 24 : 20;

/** What the shipped example names, and nobody has. */
const EXAMPLE = { issuer: 'https://example.zitadel.cloud', account: EXAMPLE_ACCOUNT, project: /^30{16}\d$/ };

/** What of the example a profile still has. */
function placeholdersOf({ issuer, scopes, callers, introspection, revocation }: Profile, isLocal: boolean): string[] {
  const everybody = [callers, introspection?.callers ?? [], revocation?.callers ?? []].flat();
  const isExampleAccount = !isLocal && everybody.some(({ account }) => account === EXAMPLE.account);
  const project = audiencesOf(scopes).find((id) => EXAMPLE.project.test(id));
  return [
    ...(issuer === EXAMPLE.issuer ? [`the issuer ${issuer}`] : []),
    ...(isExampleAccount ? [`the account ${EXAMPLE.account}`] : []),
    ...(project === undefined ? [] : [`the project ${project}`]),
  ];
}

const problemsOf = (lines: readonly string[], make: typeof fault, todo: string): readonly Problem[] =>
  lines.map((line) => {
    const [, subject = 'profiles', says = line] = /^profile (\S+): (.*)$/s.exec(line) ?? [];
    return make(subject, says, todo);
  });

export const OWN_CHECKS: readonly Check<OwnFacts>[] = [
  {
    code: 'ZTB101',
    title: 'Node',
    fine: ({ nodeVersion }) => nodeVersion,
    run: ({ nodeVersion }) =>
      Number.parseInt(nodeVersion.slice(1), 10) >= LEAST_NODE_MAJOR
        ? []
        : [
            fault(
              'Node',
              `is ${nodeVersion}; the code needs ${LEAST_NODE_MAJOR}`,
              'run npm rebuild node --ignore-scripts=false',
            ),
          ],
  },
  {
    code: 'ZTB102',
    title: 'profiles',
    fine: ({ profiles }) => `${profiles.ok ? profiles.value.size : 0} without faults`,
    run: ({ profiles }) =>
      profiles.ok
        ? []
        : profiles.error.map((line) =>
            fault('profiles', line, 'correct the file; docs/profiles.md explains each field'),
          ),
  },
  {
    code: 'ZTB103',
    title: 'places of the secrets',
    fine: () => 'the deployment can reach them',
    run: ({ profiles, account, place: { region } }) =>
      profiles.ok
        ? [
            ...problemsOf(findFaults(profiles.value, { account, region }), fault, 'correct the ARN in the profile'),
            ...problemsOf(findWarnings(profiles.value, { account, region }), warning, 'see docs/secrets.md'),
          ]
        : undefined,
  },
  {
    code: 'ZTB104',
    title: 'placeholders',
    fine: () => 'nothing of the shipped example is left',
    run: ({ profiles, isLocal }) =>
      profiles.ok
        ? [...profiles.value.values()].flatMap((profile) => {
            const left = placeholdersOf(profile, isLocal);
            if (left.length === 0) return [];
            return [fault(profile.name, `still has ${left.join(' and ')} of the example`, 'put in your own')];
          })
        : undefined,
  },
  {
    code: 'ZTB105',
    title: 'bundle',
    fine: ({ bundledAt }) => (bundledAt === undefined ? 'none here; a deployment makes it' : 'newer than the profiles'),
    run: ({ bundledAt, profilesChangedAt, isLocal }) => {
      if (isLocal) return undefined;
      const isOlder = bundledAt !== undefined && profilesChangedAt !== undefined && bundledAt < profilesChangedAt;
      return isOlder
        ? [
            warning(
              'bundle',
              'is older than the profiles: their changes may not be deployed',
              'deploy again: npm run deploy -- --stage S',
            ),
          ]
        : [];
    },
  },
  {
    code: 'ZTB106',
    title: 'template and parameters',
    fine: () => 'can be packaged',
    run: ({ template }) => {
      if (template === undefined) return undefined;
      return template.ok ? [] : [fault('template', `cannot be packaged: ${template.error.says}`, template.error.todo)];
    },
  },
];
