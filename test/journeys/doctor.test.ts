import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  PutSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createKeys } from '../../infra/local/callers.ts';
import { createDemo, type Demo } from '../../infra/local/demo.ts';
import { createStack, REGION, type Stack } from '../../infra/local/stack.ts';
import { publishLocalStack } from '../../infra/local/state.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { LOCAL_ACCOUNT, LOCAL_TOPIC } from '../../infra/operations/doctor/aws-local.ts';
import type { AwsView, SecretFacts } from '../../infra/operations/doctor/aws-view.ts';
import type { Finding } from '../../infra/operations/doctor/finding.ts';
import { type DoctorDeps, type Gathered, gather, judgeAll } from '../../infra/operations/doctor/gather.ts';
import { type OwnFacts, placeOf } from '../../infra/operations/doctor/own.ts';
import { packageTemplate } from '../../infra/operations/doctor/packaged.ts';
import { asJson, asText, exitCode } from '../../infra/operations/doctor/report.ts';
import { structureOf, type Template } from '../../infra/operations/doctor/template.ts';
import { doctor } from '../../infra/operations/doctor.ts';
import type { Profile, Profiles } from '../../lib/broker/profiles/profile.ts';
import { systemClock } from '../../lib/compose/journal.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { DAY_MS, instant, MINUTE_MS, plus } from '../../lib/core/time.ts';
import { createHttpClient } from '../../lib/net/http-client.ts';
import { createTransport, LARGEST_BODY_BYTES } from '../../lib/net/transport.ts';
import { createCanaries } from '../support/canaries.ts';
import { profilesOf } from '../support/profiles.ts';

/** ZITADEL and the doctor have one clock, which stands still: no test depends on how fast the machine is. */
const NOW = instant(Date.now());

const PREFIX = 'zitadel-token-broker-local';

/** What a fault changes before the stack starts. */
interface Setup {
  readonly profiles: Record<string, Record<string, unknown>>;
  readonly secrets: Record<string, string>;
  readonly demo: Demo;
}

/** A running local stack. */
interface World {
  readonly stack: Stack;
  readonly zitadel: Zitadel;
  readonly demo: Demo;
}

type Resources = Record<string, { Type: string; Properties: Record<string, unknown> }>;

/** What a fault changes. */
interface Change {
  readonly setup?: (setup: Setup) => void;
  readonly start?: (world: World) => unknown;
  /** Changes what was deployed, other than as packaged. */
  readonly deployed?: (resources: Resources) => void;
  readonly view?: (view: AwsView) => Partial<AwsView>;
  readonly gathered?: (gathered: Gathered) => Gathered;
  readonly deps?: Partial<DoctorDeps>;
  readonly profile?: string;
  /** Whether the rotations are left unscheduled. */
  readonly isUnscheduled?: boolean;
}

/** One fault, and the only line that it changes. */
interface Fault extends Change {
  readonly level: Finding['level'];
  readonly name: string;
  readonly code: string;
  readonly subject: string;
}

/** Makes the rows of the tables: faults whose line has this level. */
const rowsOf =
  (level: Finding['level']) =>
  (name: string, code: string, subject: string, change: Change): Fault => ({ level, name, code, subject, ...change });
const fault = rowsOf('fault');
const warning = rowsOf('warning');
const unknown = rowsOf('unknown');

let demo: Demo;
let packaged: Template;
/** A busy machine needs its time to package. */
const PACKAGING_MS = 300_000;

const closing: (() => unknown)[] = [];

const WORKLOADS = { kind: 'kubernetes', issuer: 'https://workloads.example' };

/** Parses a document, with a caller without IAM. */
function parse(document: unknown): Profiles {
  const { issuers, profiles } = document as { issuers?: object; profiles: Setup['profiles'] };
  const caller = { kubernetes: { issuer: 'workloads', namespace: 'shop', serviceAccount: 'orders' } };
  const { orders = {} } = profiles;
  return profilesOf({
    issuers: { ...issuers, workloads: WORKLOADS },
    profiles: { ...profiles, orders: { ...orders, callers: [orders.callers ?? [], caller].flat() } },
  });
}

beforeAll(async () => {
  demo = await createDemo();
  const profiles = parse(demo.profiles('https://zitadel.example.com'));
  const template = await packageTemplate({
    stage: 'local',
    region: REGION,
    profiles,
    parameters: [`alarmTopicArn=${LOCAL_TOPIC}`],
  });
  if (!template.ok) throw new Error(template.error.says);
  packaged = template.value;
}, PACKAGING_MS);

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const clock = { ...systemClock, now: () => NOW };

/** The view of a stack that was deployed, or changed, otherwise than as packaged. */
function deployedAs(change: (resources: Resources) => void): (view: AwsView) => Partial<AwsView> {
  const template = structuredClone(packaged);
  change(template.Resources as Resources);
  const { table, ...parts } = structureOf(template, placeOf(REGION, LOCAL_ACCOUNT));
  return (view) => ({
    routes: async () => ok(parts.routes),
    functions: async () => ok(parts.functions),
    roles: async () => ok(parts.roles),
    alarms: async () => ok(parts.alarms),
    rules: async () => ok(parts.rules),
    async table() {
      const actual = await view.table();
      if (!actual.ok || table === undefined) return actual;
      const { name, status, key } = actual.value;
      return ok({ ...table, name, status, key });
    },
  });
}

/** Starts the local stack with what a fault changes, and asks the doctor. */
async function examine(change: Change): Promise<{ findings: readonly Finding[]; canaries: readonly string[] }> {
  const zitadel = await createZitadel({ accounts: demo.accounts, now: () => NOW });
  closing.push(() => zitadel.close());
  const document = demo.profiles(zitadel.url) as { profiles: Setup['profiles'] };
  const setup: Setup = { profiles: document.profiles, secrets: { ...demo.secrets }, demo };
  change.setup?.(setup);
  const profiles = parse({ ...document, profiles: setup.profiles });
  const lines: string[] = [];
  const stack = await createStack({
    profiles,
    secrets: setup.secrets,
    principals: [...createKeys(profiles.values()).values()].map(({ principal }) => principal),
    port: 0,
    payload: 'v2',
    write: (line) => lines.push(line),
    onError: (error) => lines.push(String(error)),
  });
  closing.push(() => stack.close());
  const port = String(stack.gateway.port);
  if (!change.isUnscheduled) await stack.schedule();
  await stack.secretsManager.settled();
  closing.push(
    publishLocalStack(port, {
      region: REGION,
      tableUrl: stack.table.url,
      tableName: stack.table.tableName,
      secretsManagerUrl: stack.secretsManager.url,
      profiles: [...profiles],
    }),
  );
  await change.start?.({ stack, zitadel, demo });
  const tokens: string[] = [];
  const send = createTransport({ clock, allowLoopbackHttp: true, env: {} });
  const deployed = change.deployed === undefined ? undefined : deployedAs(change.deployed);
  const deps: DoctorDeps = {
    clock,
    http: createHttpClient({ clock, largestBytes: LARGEST_BODY_BYTES, env: {} }),
    credentials: () => Promise.reject(new Error('none')),
    async send(request) {
      const answer = await send(request);
      const token = answer.ok ? /"access_token":"([^"]+)"/.exec(answer.value.body)?.[1] : undefined;
      if (token !== undefined) tokens.push(token);
      return answer;
    },
    packageTemplate: async () => ok(packaged),
    openView: () => {
      throw new Error('the local stack has a view of its own');
    },
    changeView: (view) => ({ ...view, ...deployed?.(view), ...change.view?.(view) }),
    ...change.deps,
  };
  const gathered = await gather(
    { local: true, port, parameters: [], wantsTokens: true, startsDrift: false, profile: change.profile },
    deps,
  );
  const findings = judgeAll(change.gathered?.(gathered) ?? gathered);
  const found = createCanaries();
  for (const [name, secret] of Object.entries(setup.secrets)) {
    const hidden = /"(?:key|clientSecret)":"([^"]+)"/.exec(secret)?.[1] ?? secret;
    // A key in lines, without those around it.
    for (const line of hidden.split('\\n')) if (!/^(-----.*)?$/.test(line)) found.plant(name, line);
  }
  for (const token of tokens) found.plant('token', token);
  const printed = asText(gathered.name, findings) + asJson(gathered.name, findings);
  return { findings, canaries: [...found.search(printed), ...(found.count() < 4 ? ['too few canaries'] : [])] };
}

const problemsIn = (findings: readonly Finding[]) =>
  findings.filter(({ level }) => level !== 'fine').map(({ level, code, subject }) => `${level} ${code} ${subject}`);

/** Changes the profiles that the checks without network see. */
const ownProfiles =
  (change: (profile: Profile) => Profile, more: Partial<OwnFacts> = {}) =>
  (gathered: Gathered): Gathered => {
    const { own } = gathered;
    if (!own.profiles.ok) return gathered;
    const profiles = new Map([...own.profiles.value].map(([name, profile]) => [name, change(profile)]));
    return { ...gathered, own: { ...own, profiles: ok(profiles), ...more } };
  };

const ownProfile = (name: string, change: Partial<Profile>) =>
  ownProfiles((profile) => (profile.name === name ? { ...profile, ...change } : profile));

const own =
  (change: Partial<OwnFacts>) =>
  (gathered: Gathered): Gathered => ({ ...gathered, own: { ...gathered.own, ...change } });

/** Changes the facts of one secret. */
const secretFacts =
  (name: string, change: Partial<SecretFacts>) =>
  (gathered: Gathered): Gathered => {
    const { aws } = gathered;
    if (aws === undefined) return gathered;
    const secrets = aws.facts.secrets.map((facts) => (facts.name === name ? { ...facts, ...change } : facts));
    return { ...gathered, aws: { ...aws, facts: { ...aws.facts, secrets } } };
  };

const propertiesOf = (resources: Resources, id: string): Record<string, unknown> => {
  const resource = resources[id];
  if (resource === undefined) throw new Error(`the template has no ${id}`);
  return resource.Properties;
};

const set = (id: string, properties: object) => (resources: Resources) =>
  void Object.assign(propertiesOf(resources, id), properties);
const remove = (id: string) => (resources: Resources) => {
  propertiesOf(resources, id);
  delete resources[id];
};

/** The view in which functions or alarms whose names end so are otherwise. */
const altered = (kind: 'functions' | 'alarms', end: string, change: object) => (view: AwsView) => ({
  async [kind]() {
    const actual = await view[kind]();
    return actual.ok ? ok(actual.value.map((one) => (one.name.endsWith(end) ? { ...one, ...change } : one))) : actual;
  },
});

const statementsOf = (resources: Resources, role: string): { Action: unknown; Resource: unknown }[] => {
  const { Policies } = propertiesOf(resources, role) as { Policies: { PolicyDocument: { Statement: never[] } }[] };
  return Policies[0]?.PolicyDocument.Statement ?? [];
};

const secretsClient = ({ stack }: World) =>
  new SecretsManagerClient({
    region: REGION,
    endpoint: stack.secretsManager.url,
    credentials: { accessKeyId: 'AKIALOCALSTACK', secretAccessKey: 'local' },
  } satisfies SecretsManagerClientConfig);

const rotate =
  (SecretId: string, days: number, by = 'rotate') =>
  async (world: World) => {
    await secretsClient(world).send(
      new RotateSecretCommand({
        SecretId,
        RotationLambdaARN: `arn:aws:lambda:${REGION}:${LOCAL_ACCOUNT}:function:${by}`,
        RotationRules: { AutomaticallyAfterDays: days },
        RotateImmediately: false,
      }),
    );
    await world.stack.secretsManager.settled();
  };

const keyOf = ({ secrets }: Setup): Record<string, unknown> => JSON.parse(secrets['zitadel/reports'] ?? '{}');
const expiring = (days: number) => (setup: Setup) => {
  const expirationDate = new Date(NOW + days * DAY_MS).toISOString();
  setup.secrets['zitadel/reports'] = JSON.stringify({ ...keyOf(setup), expirationDate });
};

const accountsOf = ({ demo: { accounts } }: { demo: Demo }) =>
  accounts as {
    otherProject: string;
    saSecret: { userId: string; username: string };
    saKey: { key: { keyId: string; userId: string } };
    apiSecret: { clientId: string };
    oidcSecret: { clientId: string };
  };

const otherAudience = (setup: Setup) => [`urn:zitadel:iam:org:project:id:${accountsOf(setup).otherProject}:aud`];

/** Lets ZITADEL answer every request to a path with this. */
const answers =
  (path: string, status: number, body: object) =>
  ({ zitadel }: World) =>
    zitadel.intercept((req, res) => {
      if (!req.url?.startsWith(path)) return false;
      const headers = { 'content-type': 'application/json', date: new Date(NOW).toUTCString() };
      res.writeHead(status, headers).end(JSON.stringify(body));
      return true;
    });

/** Lets the gateway answer every request whose path ends so. */
const gatewayAnswers =
  (path: string, status: number, body: object = {}) =>
  ({ stack }: World) =>
    stack.gateway.intercept((req, res) => {
      if (!req.url?.endsWith(path)) return false;
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      return true;
    });

const TOKEN_ROUTE = 'HttpApiRoutePostProfileVarOauthV2Token';
const TOKEN_KEY = 'POST /{profile}/oauth/v2/token';
const WITHOUT_IAM_ROUTE = 'HttpApiRoutePostFederatedProfileVarOauthV2Token';
const WITHOUT_IAM_KEY = 'POST /federated/{profile}/oauth/v2/token';
const SCHEDULE = 'PrewarmEventsRuleSchedule1';

const OWN: readonly Fault[] = [
  fault('an old Node', 'ZTB101', 'Node', { gathered: own({ nodeVersion: 'v20.19.0' }) }),
  fault('a fault in the profiles', 'ZTB102', 'profiles', {
    gathered: own({ profiles: fail(['infra/profiles.yml:3:5 profiles.orders.secret is missing']) }),
  }),
  fault('a secret that the deployment cannot reach', 'ZTB103', 'orders', {
    gathered: ownProfile('orders', {
      secret: 'arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:orders-a1B2c3',
    }),
  }),
  fault('the issuer of the example', 'ZTB104', 'orders', {
    gathered: ownProfile('orders', { issuer: 'https://example.zitadel.cloud' }),
  }),
  fault('the project of the example', 'ZTB104', 'reports', {
    gathered: ownProfile('reports', { scopes: ['urn:zitadel:iam:org:project:id:300000000000000001:aud'] }),
  }),
  fault('the account of the example', 'ZTB104', 'billing', {
    gathered: ownProfiles(
      ({ introspection: _i, revocation: _r, ...profile }) => ({
        ...profile,
        callers: profile.callers.map((role) => ({
          ...role,
          account: profile.name === 'billing' ? '123456789012' : '210987654321',
        })),
      }),
      { isLocal: false, bundledAt: undefined },
    ),
  }),
  warning('a bundle that is older than the profiles', 'ZTB105', 'bundle', {
    gathered: ownProfiles(({ introspection: _i, revocation: _r, ...profile }) => ({ ...profile, callers: [] }), {
      isLocal: false,
      bundledAt: instant(1),
      profilesChangedAt: instant(2),
    }),
  }),
  fault('a parameter that is not valid', 'ZTB106', 'template', {
    deps: {
      packageTemplate: (options) => packageTemplate({ ...options, parameters: ['requestTimeoutSeconds=9'] }),
    },
  }),
];

const stackAs =
  (status: string, drift = 'IN_SYNC') =>
  (view: AwsView) => ({
    async stack() {
      const actual = await view.stack();
      return actual.ok && actual.value ? ok({ ...actual.value, status, drift }) : actual;
    },
  });

const STACK: readonly Fault[] = [
  unknown('no AWS credentials', 'ZTB201', 'identity', {
    view: () => ({ identity: async () => fail({ says: 'CredentialsProviderError', todo: 'log in' }) }),
  }),
  fault('another account', 'ZTB201', 'identity', {
    gathered: (all) => (all.aws ? { ...all, aws: { ...all.aws, account: '210987654321' } } : all),
  }),
  warning('a machine whose clock is ahead', 'ZTB202', 'clock of this machine', {
    deps: { clock: { ...clock, now: () => plus(NOW, 2 * MINUTE_MS) } },
    view: () => ({ clockAheadMs: () => 2 * MINUTE_MS }),
  }),
  fault('no stack', 'ZTB203', PREFIX, { view: () => ({ stack: async () => ok(undefined) }) }),
  fault('a stack that failed', 'ZTB203', PREFIX, { view: stackAs('UPDATE_ROLLBACK_FAILED') }),
  warning('a stack that was rolled back', 'ZTB203', PREFIX, { view: stackAs('UPDATE_ROLLBACK_COMPLETE') }),
  warning('a stack that is being changed', 'ZTB203', PREFIX, { view: stackAs('UPDATE_IN_PROGRESS') }),
  warning('drift', 'ZTB204', 'stack', { view: stackAs('UPDATE_COMPLETE', 'DRIFTED') }),
  fault('a missing route', 'ZTB205', TOKEN_KEY, { deployed: remove(TOKEN_ROUTE) }),
  warning('a route more', 'ZTB205', 'GET /debug', {
    deployed: (resources) => {
      resources.Debug = {
        Type: 'AWS::ApiGatewayV2::Route',
        Properties: { RouteKey: 'GET /debug', AuthorizationType: 'AWS_IAM' },
      };
    },
  }),
  fault('a route without IAM', 'ZTB206', TOKEN_KEY, { deployed: set(TOKEN_ROUTE, { AuthorizationType: 'NONE' }) }),
  fault('a route with IAM for callers without it', 'ZTB206', WITHOUT_IAM_KEY, {
    deployed: set(WITHOUT_IAM_ROUTE, { AuthorizationType: 'AWS_IAM' }),
  }),
  fault('no route for callers without IAM', 'ZTB205', WITHOUT_IAM_KEY, { deployed: remove(WITHOUT_IAM_ROUTE) }),
  fault('no function for callers without IAM', 'ZTB207', `${PREFIX}-federated`, {
    deployed: remove('FederatedLambdaFunction'),
  }),
  fault('a missing function', 'ZTB207', `${PREFIX}-revoke`, { deployed: remove('RevokeLambdaFunction') }),
  fault('a function that does not run', 'ZTB207', `${PREFIX}-token`, {
    view: altered('functions', '-token', { state: 'Failed' }),
  }),
  unknown('functions that may not be read', 'ZTB207', 'functions', {
    view: () => ({ functions: async () => fail({ says: 'AccessDeniedException', todo: 'allow it' }) }),
  }),
  fault('another role', 'ZTB208', `${PREFIX}-introspect`, {
    deployed: set('IntrospectLambdaFunction', { Role: 'admin' }),
  }),
  fault('another table in the environment', 'ZTB209', `${PREFIX}-token`, {
    deployed: set('TokenLambdaFunction', {
      Environment: { Variables: { TABLE_NAME: 'other', METRICS_NAMESPACE: PREFIX } },
    }),
  }),
  fault('another runtime', 'ZTB210', `${PREFIX}-metadata`, {
    deployed: set('MetadataLambdaFunction', { Runtime: 'nodejs20.x' }),
  }),
  fault('a missing role', 'ZTB211', 'RevokeRole', { deployed: remove('RevokeRole') }),
  fault('a role that may not read a secret', 'ZTB211', 'TokenRole', {
    deployed: (resources) => {
      const statements = statementsOf(resources, 'TokenRole');
      for (const statement of statements) {
        if (!Array.isArray(statement.Resource)) continue;
        statement.Resource = statement.Resource.filter((one) => !JSON.stringify(one).includes('zitadel/orders'));
      }
    },
  }),
  fault('a role that may read no secret', 'ZTB211', 'TokenRole', {
    deployed: (resources) => {
      const statements = statementsOf(resources, 'TokenRole');
      const at = statements.findIndex(({ Action }) => Action === 'secretsmanager:GetSecretValue');
      statements.splice(at, 1);
    },
  }),
  warning('a role that may read all secrets', 'ZTB212', 'MetadataRole', {
    deployed: (resources) => {
      const statement = { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: '*' };
      statementsOf(resources, 'MetadataRole').push(statement);
    },
  }),
  warning('a policy that is attached to a role', 'ZTB212', 'TokenRole', {
    deployed: set('TokenRole', { ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }),
  }),
];

const SECRETS: readonly Fault[] = [
  fault('a missing secret', 'ZTB221', 'zitadel/orders', { setup: ({ secrets }) => delete secrets['zitadel/orders'] }),
  fault('a secret marked for deletion', 'ZTB221', 'zitadel/billing', {
    gathered: secretFacts('zitadel/billing', { state: ok({ kind: 'deleted', labels: [] }) }),
  }),
  fault('a secret that its key does not decrypt', 'ZTB222', 'zitadel/billing', {
    gathered: secretFacts('zitadel/billing', { value: ok(fail('cannot be decrypted')) }),
  }),
  unknown('a secret that the operator may not read', 'ZTB222', 'zitadel/billing', {
    gathered: secretFacts('zitadel/billing', { value: fail({ says: 'AccessDeniedException', todo: 'allow it' }) }),
  }),
  fault('a secret that is a plain text', 'ZTB223', 'zitadel/billing', {
    setup: ({ secrets }) => {
      secrets['zitadel/billing'] = 'hunter2hunter2hunter2';
    },
  }),
  fault('a secret without its key', 'ZTB223', 'zitadel/reports', {
    setup: (setup) => {
      setup.secrets['zitadel/reports'] = JSON.stringify({ ...keyOf(setup), key: undefined });
    },
    // Nothing rotates that cannot be read.
    isUnscheduled: true,
    gathered: secretFacts('zitadel/reports', {
      state: ok({
        kind: 'there',
        labels: [['AWSCURRENT']],
        rotation: { by: ':function:rotate', days: 30, nextAt: undefined },
      }),
    }),
  }),
  fault('an expired key', 'ZTB224', 'zitadel/reports', { setup: expiring(-1) }),
  warning('a key that soon expires', 'ZTB224', 'zitadel/reports', { setup: expiring(9) }),
  warning('a rotation that has not ended', 'ZTB225', 'zitadel/billing', {
    start: (world) =>
      secretsClient(world).send(
        new PutSecretValueCommand({ SecretId: 'zitadel/billing', SecretString: '{}', VersionStages: ['AWSPENDING'] }),
      ),
  }),
  fault('no rotation', 'ZTB226', 'zitadel/reports', { isUnscheduled: true }),
  warning('another period', 'ZTB226', 'zitadel/reports', { start: rotate('zitadel/reports', 7) }),
  fault('a rotation by another function', 'ZTB226', 'zitadel/reports', {
    start: rotate('zitadel/reports', 30, 'other'),
  }),
  warning('a rotation that no profile names', 'ZTB226', 'zitadel/orders', { start: rotate('zitadel/orders', 30) }),
  fault('a rotation that is overdue', 'ZTB226', 'zitadel/reports', {
    gathered: (all) => (all.aws ? { ...all, aws: { ...all.aws, now: plus(NOW, 40 * DAY_MS) } } : all),
  }),
];

const WATCH: readonly Fault[] = [
  fault('a table that was deleted', 'ZTB231', 'tokens', {
    async start({ stack }) {
      const credentials = { accessKeyId: 'AKIALOCALSTACK', secretAccessKey: 'local' };
      const client = new DynamoDBClient({ region: REGION, endpoint: stack.table.url, credentials });
      await client.send(new DeleteTableCommand({ TableName: 'tokens' }));
      client.destroy();
      // It is gone after its status was DELETING.
      await new Promise((resolve) => setImmediate(resolve));
    },
    view: (view) => ({
      async table() {
        for (;;) {
          const table = await view.table();
          if (!table.ok || table.value.status !== 'DELETING') return table;
        }
      },
    }),
  }),
  fault('a table with another key', 'ZTB231', 'tokens', {
    view: (view) => ({
      async table() {
        const table = await view.table();
        return table.ok ? ok({ ...table.value, key: ['id'] }) : table;
      },
    }),
  }),
  fault('no expiry of rows', 'ZTB232', 'tokens', {
    deployed: set('TokenTable', { TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: false } }),
  }),
  fault('no recovery', 'ZTB233', 'tokens', {
    deployed: set('TokenTable', { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false } }),
  }),
  fault('no deletion protection, where it is packaged', 'ZTB234', 'tokens', {
    gathered: (all) => {
      const table = all.aws?.expected?.table;
      if (all.aws?.expected === undefined || table === undefined) return all;
      return { ...all, aws: { ...all.aws, expected: { ...all.aws.expected, table: { ...table, isProtected: true } } } };
    },
  }),
  fault('no encryption by a key', 'ZTB235', 'tokens', { deployed: set('TokenTable', { SSESpecification: 0 }) }),
  fault('a missing alarm', 'ZTB241', `${PREFIX}-unavailable`, { deployed: remove('UnavailableAlarm') }),
  fault('an alarm that is switched off', 'ZTB241', `${PREFIX}-bugs`, {
    deployed: set('BugsAlarm', { ActionsEnabled: false }),
  }),
  warning('alarms without a topic', 'ZTB242', 'alarms', { view: altered('alarms', '', { topics: [] }) }),
  warning('an alarm without a topic', 'ZTB242', `${PREFIX}-bugs`, { deployed: set('BugsAlarm', { AlarmActions: [] }) }),
  fault('a topic that nobody has subscribed to', 'ZTB243', LOCAL_TOPIC, {
    view: () => ({ topic: async (arn) => ok({ arn, confirmed: 0, pending: 0 }) }),
  }),
  fault('a subscriber that has not confirmed', 'ZTB243', LOCAL_TOPIC, {
    view: () => ({ topic: async (arn) => ok({ arn, confirmed: 0, pending: 1 }) }),
  }),
  warning('an alarm that fires', 'ZTB244', `${PREFIX}-bugs`, { view: altered('alarms', '-bugs', { state: 'ALARM' }) }),
  fault('a schedule that is switched off', 'ZTB245', SCHEDULE, { deployed: set(SCHEDULE, { State: 'DISABLED' }) }),
  fault('a rule that calls nobody', 'ZTB246', 'SecretChangedRule', {
    deployed: set('SecretChangedRule', { Targets: [] }),
  }),
  warning('another schedule', 'ZTB247', SCHEDULE, {
    deployed: set(SCHEDULE, { ScheduleExpression: 'rate(1 minute)' }),
  }),
  fault('a broker that answers anybody', 'ZTB251', 'request without a signature', {
    start: gatewayAnswers('/oauth/v2/token', 200),
  }),
  unknown('a broker that does not answer', 'ZTB251', 'request without a signature', {
    start: ({ stack }) => stack.gateway.close(),
  }),
  fault('metadata that fails', 'ZTB252', 'metadata', { start: gatewayAnswers('/openid-configuration', 502) }),
  fault('metadata of another broker', 'ZTB252', 'metadata', {
    start: gatewayAnswers('/openid-configuration', 200, { token_endpoint: 'https://other.example.com/token' }),
  }),
];

/** The subject is the issuer, whose port differs. */
const ISSUER = 'ISSUER';

const ZITADEL: readonly Fault[] = [
  fault('a blocked instance', 'ZTB301', ISSUER, { start: ({ zitadel }) => zitadel.fault('blocked') }),
  fault('a database that is away', 'ZTB301', ISSUER, { start: ({ zitadel }) => zitadel.fault('database_away') }),
  fault('a ZITADEL that is down', 'ZTB301', ISSUER, { start: ({ zitadel }) => zitadel.close() }),
  fault('another issuer', 'ZTB302', ISSUER, {
    start: answers('/.well-known/openid-configuration', 200, { issuer: 'https://zitadel.example.com' }),
  }),
  fault('a ZITADEL whose clock is behind', 'ZTB303', ISSUER, {
    deps: { clock: { ...clock, now: () => plus(NOW, MINUTE_MS) } },
  }),
  fault('a key of the wrong kind', 'ZTB311', 'billing', {
    setup: (setup) => {
      setup.secrets['zitadel/billing'] = setup.secrets['zitadel/reports'] ?? '';
    },
  }),
  fault('a service account that is to introspect', 'ZTB311', 'orders', {
    setup: (setup) => {
      setup.secrets['zitadel/api'] = setup.secrets['zitadel/reports'] ?? '';
    },
  }),
  fault('another application in revocation', 'ZTB312', 'orders', {
    setup: ({ profiles }) => {
      profiles.orders = {
        ...profiles.orders,
        revocation: { ...Object(profiles.orders?.revocation), clientId: '4711' },
      };
    },
    profile: 'orders',
  }),
  fault('a secret that was replaced in ZITADEL', 'ZTB321', 'orders', {
    start: (world) => world.zitadel.setSecret(accountsOf(world).saSecret.username, 'another-secret-of-the-account'),
  }),
  fault('a key that was removed in ZITADEL', 'ZTB321', 'reports', {
    start: (world) => world.zitadel.removeKey(accountsOf(world).saKey.key.keyId),
  }),
  fault('an account that is locked', 'ZTB322', 'orders', {
    start: (world) => world.zitadel.setUserState(accountsOf(world).saSecret.userId, 'locked'),
  }),
  fault('an account that is deactivated', 'ZTB322', 'reports', {
    start: (world) => world.zitadel.setUserState(accountsOf(world).saKey.key.userId, 'inactive'),
  }),
  fault('scopes that are refused', 'ZTB323', 'reports', {
    profile: 'reports',
    start: answers('/oauth/v2/token', 400, { error: 'invalid_scope' }),
  }),
  fault('a subject without the project of the application', 'ZTB324', 'billing', {
    setup: (setup) => {
      setup.profiles.reports = { ...setup.profiles.reports, scopes: otherAudience(setup) };
    },
  }),
  fault('a token endpoint that fails', 'ZTB325', 'reports', {
    profile: 'reports',
    start: answers('/oauth/v2/token', 503, {}),
  }),
  fault('a project that is missing in the audience', 'ZTB326', 'orders', {
    profile: 'orders',
    setup: (setup) => {
      setup.profiles.orders = { ...setup.profiles.orders, scopes: otherAudience(setup) };
      delete setup.profiles.shipping;
    },
  }),
  fault('an introspecting application that is refused', 'ZTB327', 'orders', {
    start: (world) =>
      world.zitadel.setSecret(accountsOf(world).apiSecret.clientId, 'another-secret-of-the-application'),
  }),
  warning('tokens that live too short', 'ZTB328', 'reports', {
    profile: 'reports',
    start: ({ zitadel }) => zitadel.setTokenLifetimeSeconds(30),
  }),
];

const FAULTS: readonly Fault[] = [...OWN, ...STACK, ...SECRETS, ...WATCH, ...ZITADEL];

test('on a healthy stack nothing is wrong', async () => {
  const { findings, canaries } = await examine({});
  expect(problemsIn(findings)).toEqual([]);
  expect(exitCode(findings)).toBe(0);
  expect(canaries).toEqual([]);
  // Every check has a line, but those of another machine's clock and of the bundle of a deployment.
  const silent = ['ZTB105', 'ZTB202'];
  const codes = new Set(FAULTS.map(({ code }) => code).filter((code) => !silent.includes(code)));
  expect(new Set(findings.map(({ code }) => code))).toEqual(codes);
});

describe.each([
  ['what needs nothing', OWN],
  ['the stack', STACK],
  ['the secrets', SECRETS],
  ['the table, the alarms and the door', WATCH],
  ['ZITADEL', ZITADEL],
])('%s', (_group, faults) => {
  test.each(faults)(
    '$name: $code alone',
    async ({ level, code, subject, ...change }) => {
      const { findings, canaries } = await examine(change);
      const said = problemsIn(findings).map((line) => line.replace(/http:\/\/127\.0\.0\.1:\d+$/, ISSUER));
      expect(said).toEqual([`${level} ${code} ${subject}`]);
      expect(exitCode(findings)).toBe({ fault: 1, warning: 0, unknown: 2, fine: 0 }[level]);
      expect(canaries).toEqual([]);
    },
    PACKAGING_MS,
  );
});

test('the command line', async () => {
  const deps = {} as DoctorDeps;
  const asked = async (...args: string[]) => doctor(args, deps);
  expect(await asked('--help')).toMatchObject({ code: 0, output: expect.stringContaining('--as-caller') });
  for (const args of [
    ['--token-request'],
    ['--profile', 'orders'],
    ['--drift'],
    ['--local', '--stage', 'dev'],
    ['--stag', 'dev'],
    ['--as-caller', '--local'],
    ['--local', '--url', 'x'],
  ]) {
    expect(await asked(...args)).toMatchObject({ code: 64, output: expect.stringContaining('Try --help.') });
  }
  expect(await asked('--local', '--port', '1')).toMatchObject({
    code: 2,
    output: expect.stringContaining('npm start'),
  });
});

test('without a broker, the files alone are checked', { timeout: PACKAGING_MS }, async () => {
  const { output, code } = await doctor([], { packageTemplate } as DoctorDeps);
  const codes = [...output.matchAll(/^. (ZTB\d)\d\d/gm)].map(([, group]) => group);
  expect(new Set(codes)).toEqual(new Set(['ZTB1']));
  // The shipped profiles are an example.
  expect(output).toMatch(/^× ZTB104 orders: still has the issuer/m);
  expect([code, output.includes('add --stage S or --local')]).toEqual([1, true]);
});

test('a stage whose profiles have faults: each is named, and nothing is asked', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doctor-test-'));
  closing.push(() => rmSync(home, { recursive: true, force: true }));
  const file = join(home, 'profiles.yml');
  writeFileSync(
    file,
    'profiles:\n  orders: { issuer: https://zitadel.example.com, secret: zitadel/orders, callers: [me] }\n',
  );
  vi.stubEnv('PROFILES_FILE', file);
  closing.push(() => vi.unstubAllEnvs());
  const { output, code } = await doctor(['--stage', 'dev', '--json'], {} as DoctorDeps);
  const { findings, exitCode: said } = JSON.parse(output) as { findings: Finding[]; exitCode: number };
  expect(findings.filter(({ level }) => level === 'fault')).toEqual([
    {
      code: 'ZTB102',
      level: 'fault',
      subject: 'profiles',
      says: expect.stringContaining('profiles.yml:2:84 profiles.orders.callers.0 must be the ARN of an IAM role'),
      todo: expect.stringContaining('docs/profiles.md'),
      page: 'docs/runbooks.md#doctor-local',
    },
  ]);
  expect([code, said]).toEqual([1, 1]);
});
