import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Deployment, resourcesOf, rolesOf, rotationOf, type Statement, statementsIn } from './framework.ts';
import type { Json, Template } from './packaged.ts';

const require = createRequire(import.meta.url);
const limitFaults: (template: Template, of: { region: string; bundles: readonly string[] }) => readonly string[] =
  require('../../../infra/limits.cjs');

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'limits-'));
  vi.stubEnv('PROFILES_FILE', join(home, 'profiles.yml'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const profiles = (names: readonly string[], more = 'prewarm: true') =>
  writeFileSync(
    join(home, 'profiles.yml'),
    ['profiles:', ...names.map((name, at) => `p${at}: { issuer: https://z.test, secret: ${name}, ${more} }`)].join(
      '\n  ',
    ),
  );

const services = (count: number) =>
  Array.from({ length: count }, (_, at) => `zitadel/service-${String(at).padStart(4, '0')}`);

const faultsOf = (Resources: Template['Resources'], region = 'eu-central-1') =>
  limitFaults({ Resources, Outputs: {} }, { region, bundles: [] });

const readable = (statements: readonly Statement[]): readonly string[] =>
  statements
    .filter(({ Action }) => String(Action).includes('secretsmanager:'))
    .flatMap(({ Resource }) => Resource)
    .map((arn) => String((arn as Json)['Fn::Sub'] ?? arn).replace(/^.*:secret:|-\?{6}$/g, ''));

const KEYS = {
  secretsKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000001',
  tableKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000002',
};

const SHIFT = { trafficShift: 'Canary10Percent5Minutes' };

describe('a role has room', () => {
  test.each<[count: number, deployment: Deployment]>([
    [1, {}],
    [60, { params: { ...KEYS, tracing: 'Active' } }],
    [60, { params: { ...KEYS, ...SHIFT } }],
    [300, { params: SHIFT }],
    [600, {}],
    [600, { params: KEYS }],
    [1000, { params: { secretsPrefix: 'zitadel/' } }],
    [1000, { params: { secretsPrefix: 'zitadel/', ...KEYS, ...SHIFT } }],
  ])('for %i secrets, deployed with %j', async (count, deployment) => {
    const names = services(count);
    profiles(names);
    const { template, faults, isWidened } = await rolesOf(deployment);
    expect(faults).toEqual([]);
    expect(faultsOf(template.Resources)).toEqual([]);
    for (const role of ['TokenRole', 'PrewarmRole']) {
      const read = readable(statementsIn(template.Resources, role));
      expect(read.toSorted()).toEqual(isWidened ? ['zitadel/*'] : names);
    }
  });

  test.each<[count: number, deployment: Deployment, fault: RegExp]>([
    [
      1000,
      {},
      /^The role of token has no room for 1000 secrets: they need 1\d managed policies, .* can have 10\. Set /,
    ],
    [600, { params: SHIFT }, /and a role can have 10, half of which trafficShift needs\. Set secretsPrefix=/],
  ])('but not for %i, deployed with %j', async (count, deployment, fault) => {
    profiles(services(count), 'prewarm: false');
    const { faults } = await rolesOf(deployment);
    expect(faults).toEqual([expect.stringMatching(fault)]);
    // It says what else would become readable.
    expect(faults[0]).toContain('secretsPrefix=zitadel/service-: the function may then read every secret');
    expect(faults[0]).toContain('also those that no profile names (aws secretsmanager list-secrets');
  });

  test('a prefix is no wider than needed: roles that have room name each secret', async () => {
    profiles([...services(1000), 'other/one']);
    writeFileSync(
      join(home, 'profiles.yml'),
      `profiles:\n${services(1000)
        .map((name, at) => `  p${at}: { secret: ${name}${at === 0 ? ', introspection: zitadel/api' : ''} }\n`)
        .join('')}  other: { secret: other/one }\n`,
    );
    const { template, warnings } = await rolesOf({ params: { secretsPrefix: 'zitadel/' } });
    expect(readable(statementsIn(template.Resources, 'TokenRole'))).toEqual(['zitadel/*', 'other/one']);
    expect(readable(statementsIn(template.Resources, 'IntrospectRole'))).toEqual(['zitadel/api']);
    expect(warnings).toEqual([
      expect.stringMatching(/^The function token may read every secret .* begins with zitadel\//),
    ]);
  });

  test('a prefix that no secret has is a mistake', async () => {
    profiles(services(2));
    expect((await rolesOf({ params: { secretsPrefix: 'zitadl/' } })).faults).toEqual([
      'secretsPrefix is zitadl/, and no profile has a secret whose name begins so',
    ]);
  });

  test('whatever the names: each secret is in one policy, no policy is too long, and nothing else is readable', async () => {
    const name = fc.stringMatching(/^[a-z][\w/+=.@-]{0,200}[a-z]$/);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 120 }), async (names) => {
        profiles(names.map((one) => JSON.stringify(one)));
        const { template, faults } = await rolesOf();
        const read = readable(statementsIn(template.Resources, 'TokenRole'));
        expect(read.toSorted()).toEqual(names.toSorted());
        if (faults.length === 0) expect(faultsOf(template.Resources)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('while traffic shifts', () => {
  const rightsFor = async (count: number) => {
    profiles(services(count), 'prewarm: false');
    return (await rolesOf({ params: SHIFT })).template.Resources;
  };

  test.each([1, 300])('the rights on %i secrets stand twice: before and after the alias', async (count) => {
    const resources = await rightsFor(count);
    const kept = Object.entries(resources).filter(([id]) => id.startsWith('TokenSecretsKept'));
    const statements = kept.flatMap(
      ([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement,
    );
    expect(readable(statements)).toEqual(readable(statementsIn(resources, 'TokenRole')));
    for (const [, { DependsOn, Properties }] of kept) {
      // CloudFormation updates them last, so that the version before can read its secrets until nobody calls it.
      expect(DependsOn).toEqual(['TokenAlias']);
      expect(Properties.Roles).toEqual([{ Ref: 'TokenRole' }]);
    }
    expect(JSON.stringify(resources.TokenRole)).not.toContain('Kept');
  });

  test('CodeDeploy goes back on alarms of the alias, for which no data is good news', async () => {
    const alarms = await resourcesOf('alarms.cjs', { params: SHIFT });
    const { TokenShiftGroup, TokenAlias } = await resourcesOf('shift.cjs', { params: SHIFT });
    expect(TokenAlias).toMatchObject({
      UpdatePolicy: { CodeDeployLambdaAliasUpdate: { DeploymentGroupName: { Ref: 'TokenShiftGroup' } } },
    });
    const { Enabled, Alarms } = (TokenShiftGroup?.Properties.AlarmConfiguration ?? {}) as {
      Enabled?: boolean;
      Alarms?: { Name: { Ref: string } }[];
    };
    expect(Enabled).toBe(true);
    const watched = Alarms?.map(({ Name }) => alarms[Name.Ref]?.Properties);
    expect(watched).toEqual([
      expect.objectContaining({
        MetricName: 'Errors',
        Dimensions: expect.arrayContaining([
          { Name: 'Resource', Value: { 'Fn::Sub': `\${TokenLambdaFunction}:live` } },
        ]),
      }),
      expect.objectContaining({ MetricName: 'ServerErrors' }),
    ]);
    for (const alarm of watched ?? []) expect(alarm).toMatchObject({ TreatMissingData: 'notBreaching' });
  });

  test('without it there is none of this', async () => {
    expect(await resourcesOf('shift.cjs')).toEqual({});
    expect(Object.keys(await resourcesOf('alarms.cjs')).filter((id) => id.includes('Shift'))).toEqual([]);
  });
});

describe('beyond the limits of AWS nothing is packaged', () => {
  const some = (count: number, make: (at: number) => object) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`R${at}`, make(at)])) as Template['Resources'];
  const role = (Properties: object) =>
    ({ R: { Type: 'AWS::IAM::Role', Properties } }) as unknown as Template['Resources'];
  const fn = (Properties: object) =>
    ({
      F: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 'f', ...Properties } },
    }) as unknown as Template['Resources'];
  const document = (characters: number) => ({ PolicyDocument: 'x'.repeat(characters - 2) });

  test.each<[name: string, resources: Template['Resources'], fault: string | undefined]>([
    ['500 resources', some(500, () => ({ Type: 'AWS::Logs::QueryDefinition' })), undefined],
    [
      '501 resources',
      some(501, () => ({ Type: 'AWS::Logs::QueryDefinition' })),
      'The template has too many resources: 501, and AWS allows 500. 501 of them are AWS::Logs::QueryDefinition',
    ],
    [
      'a megabyte',
      some(1, () => ({ Type: 'A::B::C', Properties: { of: 'x'.repeat(1_000_000) } })),
      'The template has too many bytes: 1000131, and AWS allows 1000000: deploy a second broker for some profiles',
    ],
    ['a full role', role({ Policies: [document(10_000), document(240)] }), undefined],
    [
      'an overfull role',
      role({ Policies: [document(10_000), document(241)] }),
      'The inline policies of R have too many characters: 10241, and AWS allows 10240',
    ],
    ['ten policies', role({ ManagedPolicyArns: Array(10).fill('p') }), undefined],
    [
      'eleven policies',
      role({ ManagedPolicyArns: Array(11).fill('p') }),
      'R has too many managed policies: 11, and AWS allows 10',
    ],
    [
      'a long policy',
      { P: { Type: 'AWS::IAM::ManagedPolicy', Properties: document(6145) } },
      'The policy P is too long: 6145, and AWS allows 6144',
    ],
    [
      'long variables',
      fn({ Environment: { Variables: { NO_PROXY: 'x'.repeat(4096) } } }),
      'The variables of F are too long: 4111, and AWS allows 4096: shorten httpsProxy or noProxy',
    ],
    ['a long name', fn({ FunctionName: 'f'.repeat(65) }), 'The name of F is too long: 65, and AWS allows 64'],
  ])('%s', (_name, resources, fault) => {
    expect(faultsOf(resources)).toEqual(fault === undefined ? [] : [fault]);
  });

  test('many rotating secrets, and what to do', async () => {
    profiles(services(520), 'rotation: { every: 30d }');
    const { template } = await rotationOf();
    expect(faultsOf(template.Resources)).toEqual([
      'The template has too many resources: 523, and AWS allows 500. 520 of them are AWS::SecretsManager::RotationSchedule: let fewer secrets rotate in this deployment, or deploy a second broker for some profiles',
    ]);
  });

  test('metrics by profile of many profiles, and what to do', async () => {
    profiles(services(250));
    const [fault] = faultsOf(await resourcesOf('alarms.cjs', { params: { metricsByProfile: 'true' } }));
    expect(fault).toMatch(/too many resources: \d+, .* are AWS::CloudWatch::Alarm: set metricsByProfile=false/);
  });
});
