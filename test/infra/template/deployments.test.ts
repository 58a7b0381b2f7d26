import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCEPTED } from './accepted.ts';
import { EVERYTHING, RULES } from './essentials.ts';
import { findings } from './nag.ts';
import { type Again, ALL_PRIVATE_OPTIONS, packageAgain, WITH_OWN_KEYS } from './options.ts';
import { copyService, type Template } from './packaged.ts';
import { ALL } from './rules.ts';

/** So many profiles, each with a secret of its own; every tenth is prewarmed. */
const many = (count: number): string => {
  const callers = '[arn:aws:iam::210987654321:role/service]';
  const profile = (at: number) =>
    `p${at}: { issuer: https://zitadel.test, secret: zitadel/p${at}, scopes: [urn:zitadel:iam:org:project:id:1:aud], callers: ${callers}, prewarm: ${at % 10 === 0} }`;
  return `profiles:\n${Array.from({ length: count }, (_, at) => `  ${profile(at)}\n`).join('')}`;
};

const inPartition = (partition: string, region: string): string =>
  EVERYTHING.replaceAll('arn:aws:', `arn:${partition}:`).replaceAll('us-east-1', region);

interface Deployment extends Again {
  readonly profiles: string;
  /** What the prefix of secrets opens, and nothing else may. */
  readonly opens?: readonly string[];
  /** What rules tell besides, and is meant so. */
  readonly known?: readonly string[];
}

const DEPLOYMENTS: Readonly<Record<string, Deployment>> = {
  'no profile that needs a secret twice': { profiles: many(1) },
  '60 profiles': { profiles: many(60) },
  '600 profiles': { profiles: many(600) },
  '1,000 profiles and a prefix': {
    profiles: many(1000),
    params: { secretsPrefix: 'zitadel/' },
    opens: ['TokenRole'],
  },
  '1,000 profiles, a prefix and a shift': {
    profiles: many(1000),
    params: { secretsPrefix: 'zitadel/', trafficShift: 'Linear10PercentEvery1Minute' },
    opens: ['TokenRole', 'TokenSecretsKept'],
  },
  GovCloud: {
    profiles: inPartition('aws-us-gov', 'us-gov-west-1'),
    region: 'us-gov-west-1',
    params: { fips: 'true', trafficShift: 'AllAtOnce' },
  },
  'a private API': { profiles: EVERYTHING, params: { api: 'private', vpcEndpointIds: 'vpce-0123456789abcdef0' } },
  'a private API with every option': {
    profiles: EVERYTHING,
    params: ALL_PRIVATE_OPTIONS,
    known: WITH_OWN_KEYS,
  },
  China: { profiles: inPartition('aws-cn', 'cn-north-1'), region: 'cn-north-1' },
};

let home: string;
beforeAll(() => {
  home = copyService('');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.each(Object.entries(DEPLOYMENTS))('%s', (_name, { profiles, opens = [], known = [], ...again }) => {
  let template: Template;
  beforeAll(async () => {
    writeFileSync(join(home, 'profiles-of-the-test.yml'), profiles);
    template = await packageAgain(home, again);
  }, 120_000);

  test('every rule holds', () => {
    const broken = [...ALL, ...RULES].flatMap(({ name, complaints }) =>
      complaints(template)
        .filter((complaint) => !known.includes(complaint))
        .map((complaint) => `${name}: ${complaint.split('.')[0]}`),
    );
    const opened = opens.flatMap((id) => [`secrets are named one by one: ${id}`, `no * without its reason: ${id}`]);
    expect(broken.sort()).toEqual(opened.sort());
  });

  test('cdk-nag finds nothing else', () => {
    const accepted = new Set(
      ACCEPTED.flatMap(({ rule, resources }) => resources.map((resource) => `${rule} ${resource}`)),
    );
    const found = findings(template, home).filter((finding) => !accepted.has(finding));
    const isOpened = (finding: string) =>
      opens.some((id) => finding.endsWith(` ${id}`)) && finding.includes(':secret:zitadel/*]');
    expect(found.filter((finding) => !isOpened(finding))).toEqual([]);
    expect(found.some(isOpened)).toBe(opens.length > 0);
  });
});
