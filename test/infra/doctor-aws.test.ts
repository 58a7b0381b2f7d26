import { beforeAll, describe, expect, test } from 'vitest';
import { createAwsView } from '../../infra/operations/doctor/aws-live.ts';
import type { Structure } from '../../infra/operations/doctor/aws-view.ts';
import { placeOf } from '../../infra/operations/doctor/own.ts';
import { packageTemplate } from '../../infra/operations/doctor/packaged.ts';
import { structureOf, type Template } from '../../infra/operations/doctor/template.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { instant } from '../../lib/core/time.ts';
import type { HttpClient } from '../../lib/net/http-client.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { profilesOf } from '../support/profiles.ts';

const START = instant(1_795_438_700_000);
const REGION = 'eu-central-1';
const ACCOUNT = '123456789012';
const STACK = 'zitadel-token-broker-dev';
const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:alarms`;
const place = placeOf(REGION, ACCOUNT);

let template: Template;
let structure: Structure;

beforeAll(async () => {
  const issuer = 'https://zitadel.example.com';
  const callers = [`arn:aws:iam::${ACCOUNT}:role/orders`];
  const rotation = { every: '30d' };
  const orders = { issuer, secret: 'zitadel/orders', callers, rotation };
  // So many that their secrets go into managed policies.
  const others = Array.from({ length: 120 }, (_, at) => [`p${at}`, { issuer, secret: `zitadel/p${at}`, callers }]);
  const profiles = profilesOf({ profiles: { orders, ...Object.fromEntries(others) } });
  const parameters = [`alarmTopicArn=${TOPIC}`];
  const packaged = await packageTemplate({ stage: 'dev', region: REGION, profiles, parameters });
  if (!packaged.ok) throw new Error(packaged.error.says);
  template = packaged.value;
  structure = structureOf(template, place);
});

/** An answer of AWS: a status and a body in JSON, or in XML. */
type Answer = readonly [status: number, body: object | string];

const element = (name: string, value: unknown): string =>
  Array.isArray(value)
    ? `<${name}>${value.map((one) => element('member', one)).join('')}</${name}>`
    : typeof value === 'object' && value !== null
      ? `<${name}>${Object.entries(value)
          .map(([key, part]) => element(key, part))
          .join('')}</${name}>`
      : `<${name}>${String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name}>`;

/** An answer in the query protocol, with its result in XML. */
const xml = (action: string, result: object): Answer => [
  200,
  `<${action}Response xmlns="https://example.amazonaws.com/doc/">${element(`${action}Result`, result)}<ResponseMetadata/></${action}Response>`,
];

const xmlError = (status: number, Code: string, Message: string): Answer => [
  status,
  `<ErrorResponse>${element('Error', { Type: 'Sender', Code, Message })}</ErrorResponse>`,
];

/** The name of a resource at AWS. */
const nameOf = (id: string): string => {
  const { FunctionName, TableName } = template.Resources[id]?.Properties ?? {};
  return String(FunctionName ?? TableName ?? `${STACK}-${id}`);
};

/** What policies of the template allow, as IAM answers it: filled in and encoded. */
function documentOf(policies: unknown): string {
  const role = { Type: 'AWS::IAM::Role', Properties: { Policies: policies } };
  const filled = structureOf({ Resources: { ...template.Resources, Only: role } }, place).roles;
  const Statement = filled
    .find(({ id }) => id === 'Only')
    ?.rights.map((right) => {
      const [Action, Resource] = right.split(' ');
      return { Effect: 'Allow', Action, Resource };
    });
  return encodeURIComponent(JSON.stringify({ Version: '2012-10-17', Statement }));
}

/** AWS as the stack is deployed as packaged; lists have two pages. */
function answer(service: string, path: string, operation: string, input: Record<string, string>): Answer {
  const roleId = () => Object.keys(template.Resources).find((id) => nameOf(id) === input.RoleName) ?? '';
  switch (`${service} ${operation || path.replace(/\?.*/, '')}`) {
    case 'sts GetCallerIdentity':
      return xml('GetCallerIdentity', { Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/admin/me`, Account: ACCOUNT });
    case 'cloudformation DescribeStacks':
      return xml('DescribeStacks', {
        Stacks: [
          {
            StackStatus: 'UPDATE_COMPLETE',
            DriftInformation: { StackDriftStatus: 'IN_SYNC' },
            Outputs: [
              { OutputKey: 'HttpApiId', OutputValue: 'api' },
              { OutputKey: 'BrokerUrl', OutputValue: 'https://api.example.com' },
            ],
          },
        ],
      });
    case 'cloudformation ListStackResources': {
      const all = Object.entries(template.Resources).map(([id, { Type }]) => ({
        LogicalResourceId: id,
        PhysicalResourceId: nameOf(id),
        ResourceType: Type,
      }));
      return input.NextToken === 'second'
        ? xml(operation, { StackResourceSummaries: all.slice(20) })
        : xml(operation, { StackResourceSummaries: all.slice(0, 20), NextToken: 'second' });
    }
    case `apigateway /v2/apis/${STACK}-HttpApi/routes`:
      return [
        200,
        {
          items: structure.routes.map(({ key, authorisation }) => ({
            routeKey: key,
            authorizationType: authorisation,
          })),
        },
      ];
    case 'iam ListRolePolicies':
      return xml(operation, { PolicyNames: ['only'], IsTruncated: false });
    case 'iam GetRolePolicy':
      return xml(operation, { PolicyDocument: documentOf(template.Resources[roleId()]?.Properties?.Policies) });
    case 'iam ListAttachedRolePolicies': {
      const arns = (template.Resources[roleId()]?.Properties?.ManagedPolicyArns ?? []) as readonly { Ref: string }[];
      return xml(operation, { AttachedPolicies: arns.map(({ Ref }) => ({ PolicyArn: nameOf(Ref) })) });
    }
    case 'iam GetPolicy':
      return xml(operation, { Policy: { DefaultVersionId: 'v7' } });
    case 'iam GetPolicyVersion': {
      const id = Object.keys(template.Resources).find((one) => nameOf(one) === input.PolicyArn) ?? '';
      const isAsked = input.VersionId === 'v7';
      return xml(operation, {
        PolicyVersion: { Document: documentOf(isAsked ? template.Resources[id]?.Properties : []) },
      });
    }
    case 'monitoring DescribeAlarms': {
      const all = structure.alarms.map(({ name, topics }) => ({
        AlarmName: name,
        ActionsEnabled: true,
        AlarmActions: topics,
        StateValue: 'OK',
      }));
      return xml(operation, { MetricAlarms: all });
    }
    case 'sns GetTopicAttributes':
      return [
        200,
        `<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes><entry><key>SubscriptionsConfirmed</key><value>2</value></entry><entry><key>SubscriptionsPending</key><value>1</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`,
      ];
    case 'events DescribeRule': {
      const rule = structure.rules.find(({ id }) => nameOf(id) === input.Name);
      return [200, { State: 'ENABLED', ...(rule?.schedule ? { ScheduleExpression: rule.schedule } : {}) }];
    }
    case 'events ListTargetsByRule': {
      const rule = structure.rules.find(({ id }) => nameOf(id) === input.Rule);
      return [200, { Targets: rule?.targets.map((Arn) => ({ Id: 'one', Arn })) }];
    }
    case 'dynamodb DescribeTable':
      return [
        200,
        {
          Table: {
            TableStatus: 'ACTIVE',
            KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
            SSEDescription: { Status: 'ENABLED', SSEType: 'KMS' },
            DeletionProtectionEnabled: false,
          },
        },
      ];
    case 'dynamodb DescribeTimeToLive':
      return [200, { TimeToLiveDescription: { AttributeName: 'ttl', TimeToLiveStatus: 'ENABLED' } }];
    case 'dynamodb DescribeContinuousBackups':
      return [
        200,
        { ContinuousBackupsDescription: { PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' } } },
      ];
    default: {
      const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/configuration$/.exec(path) ?? [];
      const found = structure.functions.find((one) => one.name === name);
      if (found === undefined) return [404, { __type: 'ResourceNotFoundException' }];
      const { role, runtime, environment } = found;
      const Role = `arn:aws:iam::${ACCOUNT}:role/${nameOf(role)}`;
      return [
        200,
        {
          State: 'Active',
          LastUpdateStatus: 'Successful',
          Role,
          Runtime: runtime,
          Environment: { Variables: environment },
        },
      ];
    }
  }
}

type Asked = (service: string, operation: string, given: Answer) => Answer;

/** The view over an AWS that answers from the template, but for what `change` changes. */
function view(change: Asked = (_service, _operation, given) => given, startsDrift = false) {
  const asked: string[] = [];
  const clock = createFakeClock(START);
  const http: HttpClient = {
    connect: () => undefined,
    dropIdle: () => undefined,
    async send({ url, headers, body = '' }) {
      const [service = ''] = url.hostname.split('.');
      const isJson = String(headers['content-type']).includes('json');
      const form = Object.fromEntries(new URLSearchParams(body));
      const input = isJson ? JSON.parse(body) : form;
      const target = headers['x-amz-target']?.replace(/^.*\./, '');
      const operation = target ?? form.Action ?? '';
      asked.push(`${service} ${operation}`);
      const scope = /Credential=AKIAOPERATOR\/\d{8}\/([^/]+)\/([^/]+)\//.exec(headers.authorization ?? '');
      if (scope?.[1] !== (service === 'iam' ? 'us-east-1' : REGION) || scope[2] !== service) {
        return fail({ kind: 'unreachable', detail: 'BAD_SCOPE' });
      }
      const [status, answered] = change(service, operation, answer(service, url.pathname, operation, input));
      const text = typeof answered === 'string' ? answered : JSON.stringify(answered);
      const type = typeof answered === 'string' ? 'text/xml' : 'application/json';
      return ok({
        status,
        headers: { 'content-type': type, date: new Date(START - 90_000).toUTCString() },
        body: text,
      });
    },
  };
  const credentials = async () => ({ accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'secret-of-the-operator' });
  const deployment = { name: 'dev', region: REGION, profiles: new Map(), tableName: STACK, advice: {} };
  return { view: createAwsView(deployment, { clock, http, credentials, startsDrift }), asked, clock };
}

test('what is deployed as packaged looks as packaged', async () => {
  const { view: aws } = view();
  expect(await aws.identity()).toEqual(ok({ ...place, arn: `arn:aws:sts::${ACCOUNT}:assumed-role/admin/me` }));
  expect(aws.clockAheadMs()).toBe(90_000);
  expect(await aws.stack()).toEqual(
    ok({ status: 'UPDATE_COMPLETE', drift: 'IN_SYNC', url: 'https://api.example.com' }),
  );
  expect(await aws.routes()).toEqual(ok(structure.routes));
  const functions = await aws.functions();
  const variables = (one: { environment: Readonly<Record<string, string>> }) => ({
    TABLE_NAME: one.environment.TABLE_NAME,
    METRICS_NAMESPACE: one.environment.METRICS_NAMESPACE,
  });
  expect(functions).toEqual(ok(structure.functions.map((one) => ({ ...one, environment: variables(one) }))));
  const roles = await aws.roles();
  expect(roles).toEqual(ok(structure.roles));
  const token = structure.roles.find(({ id }) => id === 'TokenRole');
  expect(token?.rights.filter((right) => right.startsWith('secretsmanager:'))).toHaveLength(121);
  expect(token?.attached).toEqual([]);
  expect(await aws.alarms()).toEqual(ok(structure.alarms));
  expect(await aws.rules()).toEqual(ok(structure.rules));
  expect(await aws.table()).toEqual(ok(structure.table));
  expect(await aws.topic(TOPIC)).toEqual(ok({ arn: TOPIC, confirmed: 2, pending: 1 }));
});

test('the routes of a private API', async () => {
  const method = (path: string, name: string, authorizationType: string) => ({
    path,
    resourceMethods: { [name]: { authorizationType } },
  });
  const found = [
    { path: '/' },
    method('/{profile}/oauth/v2/token', 'POST', 'AWS_IAM'),
    method('/{profile}/.well-known/openid-configuration', 'GET', 'NONE'),
  ];
  const { view: aws } = view((service, operation, given) => {
    if (operation === 'ListStackResources') {
      const api = { LogicalResourceId: 'RestApi', PhysicalResourceId: 'r1', ResourceType: 'AWS::ApiGateway::RestApi' };
      return xml(operation, { StackResourceSummaries: [api] });
    }
    return service === 'apigateway' ? [200, { _embedded: { item: found } }] : given;
  });
  expect(await aws.routes()).toEqual(
    ok([
      { key: 'POST /{profile}/oauth/v2/token', authorisation: 'AWS_IAM' },
      { key: 'GET /{profile}/.well-known/openid-configuration', authorisation: 'NONE' },
    ]),
  );
});

test('a private API is packaged with the same routes', async () => {
  const orders = {
    issuer: 'https://zitadel.test',
    secret: 'zitadel/orders',
    callers: [`arn:aws:iam::${ACCOUNT}:role/orders`],
  };
  const profiles = profilesOf({ profiles: { orders } });
  const parameters = ['api=private', 'vpcEndpointIds=vpce-01234567'];
  const rest = await packageTemplate({ stage: 'dev', region: REGION, profiles, parameters });
  const { routes } = rest.ok ? structureOf(rest.value, place) : { routes: [] };
  expect(routes.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual(
    structure.routes.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  );
});

test('resources are listed once, and all pages', async () => {
  const { view: aws, asked } = view();
  await Promise.all([aws.routes(), aws.functions(), aws.rules()]);
  expect(asked.filter((one) => one === 'cloudformation ListStackResources')).toHaveLength(2);
});

test('no stack', async () => {
  const { view: aws } = view((_service, operation, given) =>
    operation === 'DescribeStacks' ? xmlError(400, 'ValidationError', `Stack with id ${STACK} does not exist`) : given,
  );
  expect(await aws.stack()).toEqual(ok(undefined));
});

test('a table and a role that are gone', async () => {
  const { view: aws } = view((service, _operation, given) => {
    if (service === 'dynamodb') {
      return [400, { __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException' }];
    }
    return service === 'iam' ? xmlError(404, 'NoSuchEntity', 'The role cannot be found.') : given;
  });
  expect(await aws.table()).toMatchObject({ ok: true, value: { status: 'MISSING' } });
  expect(await aws.roles()).toEqual(ok([]));
});

describe('what the operator may not read', () => {
  test.each(['identity', 'stack', 'routes', 'functions', 'roles', 'alarms', 'rules', 'table'] as const)(
    '%s is not known, and the right is named',
    async (part) => {
      const { view: aws } = view((service, operation, given) => {
        if (operation === 'ListStackResources') return given;
        if (['apigateway', 'lambda', 'dynamodb', 'events'].includes(service)) {
          return [403, { __type: 'AccessDeniedException', message: 'not authorized' }];
        }
        return xmlError(403, 'AccessDenied', 'not authorized');
      });
      expect(await aws[part]()).toMatchObject({
        ok: false,
        error: { says: expect.stringMatching(/AccessDenied/), todo: expect.stringMatching(/^allow \w+:\w+/) },
      });
    },
  );
});

test('--drift waits until CloudFormation has looked', async () => {
  let looks = 0;
  const {
    view: aws,
    asked,
    clock,
  } = view((_service, operation, given) => {
    if (operation === 'DetectStackDrift') return xml(operation, { StackDriftDetectionId: 'id' });
    if (operation !== 'DescribeStackDriftDetectionStatus') return given;
    looks += 1;
    return xml(operation, { DetectionStatus: looks < 3 ? 'DETECTION_IN_PROGRESS' : 'DETECTION_COMPLETE' });
  }, true);
  let isDone = false;
  const stack = aws.stack().finally(() => {
    isDone = true;
  });
  while (!isDone) await clock.advance(3_000);
  expect(await stack).toMatchObject({ ok: true });
  expect(looks).toBe(3);
  expect(asked.at(-1)).toBe('cloudformation DescribeStacks');
});
