import { sleep } from '../../../lib/core/clock.ts';
import { fail, ok } from '../../../lib/core/result.ts';
import { MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import type { Deployment } from '../deployment.ts';
import { type AwsError, createAwsCalls, items, type Json, members } from './aws-call.ts';
import type { Alarm, AwsView, Func, Role, Route, Rule, Stack } from './aws-view.ts';
import type { Fact, Unread } from './finding.ts';
import { placeOf } from './own.ts';
import type { SignedDeps } from './signed.ts';
import { rightsOf } from './template.ts';

interface Resource {
  readonly id: string;
  readonly type: string;
  /** Its name at AWS. */
  readonly name: string;
}

const DRIFT_EVERY_MS = 3 * SECOND_MS;
const DRIFT_MOST_MS = 5 * MINUTE_MS;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Runs once; later calls have the same result. */
function once<T>(run: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | undefined;
  return () => {
    begun ??= run();
    return begun;
  };
}

/** The view of a deployment over AWS's APIs. Reads only, unless `startsDrift`. */
export function createAwsView(
  deployment: Deployment,
  { startsDrift, ...deps }: SignedDeps & { readonly startsDrift: boolean },
): AwsView {
  const { region, tableName: stackName, advice } = deployment;
  const calls = createAwsCalls(region, deps);

  const unread = ({ name }: AwsError, right: string): Unread => ({
    says: `could not be asked: ${name}`,
    todo: advice[name] ?? (/^(AccessDenied|AuthorizationError)/.test(name) ? `allow ${right}` : 'try again'),
  });

  /** All pages of a list. */
  async function pages(
    ask: (next: Readonly<Record<string, string>>) => ReturnType<typeof calls.query>,
    member: string,
    right: string,
  ): Promise<Fact<readonly Json[]>> {
    const found: Json[] = [];
    for (let next = ''; ; ) {
      const page = await ask(next === '' ? {} : { NextToken: next });
      if (!page.ok) return fail(unread(page.error, right));
      found.push(...items(page.value[member]));
      next = text(page.value.NextToken);
      if (next === '') return ok(found);
    }
  }

  const resources = once(async (): Promise<Fact<readonly Resource[]>> => {
    const StackName = stackName;
    const listed = await pages(
      (next) => calls.query('cloudformation', 'ListStackResources', { StackName, ...next }),
      'StackResourceSummaries',
      'cloudformation:ListStackResources',
    );
    if (!listed.ok) return listed;
    return ok(
      listed.value.map(({ LogicalResourceId, ResourceType, PhysicalResourceId }) => ({
        id: text(LogicalResourceId),
        type: text(ResourceType),
        name: text(PhysicalResourceId),
      })),
    );
  });

  /** Reads each resource of a type; one that was removed by hand is left out. */
  async function eachOf<T>(
    type: string,
    read: (resource: Resource, all: readonly Resource[]) => Promise<Fact<T | undefined>>,
  ): Promise<Fact<readonly T[]>> {
    const all = await resources();
    if (!all.ok) return all;
    const facts = await Promise.all(
      all.value.filter((resource) => resource.type === type).map((resource) => read(resource, all.value)),
    );
    const unreadable = facts.find((fact) => !fact.ok);
    if (unreadable !== undefined && !unreadable.ok) return unreadable;
    return ok(facts.flatMap((fact) => (fact.ok && fact.value !== undefined ? [fact.value] : [])));
  }

  const isMissing = ({ name }: AwsError): boolean => /^(ResourceNotFound|NoSuchEntity|NotFound)/.test(name);
  const missingOr = <T>(error: AwsError, right: string): Fact<T | undefined> =>
    isMissing(error) ? ok(undefined) : fail(unread(error, right));

  async function detectDrift(): Promise<void> {
    const begun = await calls.query('cloudformation', 'DetectStackDrift', { StackName: stackName });
    const StackDriftDetectionId = begun.ok ? text(begun.value.StackDriftDetectionId) : '';
    if (StackDriftDetectionId === '') return;
    for (let spentMs = 0; spentMs < DRIFT_MOST_MS; spentMs += DRIFT_EVERY_MS) {
      await sleep(deps.clock, DRIFT_EVERY_MS);
      const now = await calls.query('cloudformation', 'DescribeStackDriftDetectionStatus', { StackDriftDetectionId });
      if (!now.ok || now.value.DetectionStatus !== 'DETECTION_IN_PROGRESS') return;
    }
  }

  async function restRoutes(api: string): Promise<Fact<readonly Route[]>> {
    const listed = await calls.get('apigateway', `/restapis/${api}/resources?embed=methods&limit=500`);
    if (!listed.ok) return fail(unread(listed.error, 'apigateway:GET'));
    // In HAL, one item is not a list.
    const found = items([members(listed.value._embedded).item ?? listed.value.item ?? []].flat());
    return ok(
      found.flatMap(({ path, resourceMethods }) =>
        Object.entries(members(resourceMethods)).map(([method, its]) => ({
          key: `${method} ${text(path)}`,
          authorisation: text(members(its).authorizationType) || 'NONE',
        })),
      ),
    );
  }

  const documentIn = (policy: Json): Json =>
    JSON.parse(decodeURIComponent(text(policy.PolicyDocument ?? policy.Document))) as Json;

  /** The document of a managed policy of the stack, in its version that counts. */
  async function managedDocument(PolicyArn: string): Promise<Fact<Json | undefined>> {
    const policy = await calls.query('iam', 'GetPolicy', { PolicyArn });
    if (!policy.ok) return missingOr<Json>(policy.error, 'iam:GetPolicy');
    const VersionId = text(members(policy.value.Policy).DefaultVersionId);
    const version = await calls.query('iam', 'GetPolicyVersion', { PolicyArn, VersionId });
    if (!version.ok) return missingOr<Json>(version.error, 'iam:GetPolicyVersion');
    return ok(documentIn(members(version.value.PolicyVersion)));
  }

  return {
    clockAheadMs: calls.aheadMs,
    async identity() {
      const who = await calls.query('sts', 'GetCallerIdentity');
      if (!who.ok) return fail(unread(who.error, 'sts:GetCallerIdentity'));
      return ok({ ...placeOf(region, text(who.value.Account)), arn: text(who.value.Arn) });
    },
    async stack(): Promise<Fact<Stack | undefined>> {
      if (startsDrift) await detectDrift();
      const described = await calls.query('cloudformation', 'DescribeStacks', { StackName: stackName });
      if (!described.ok) {
        const isAbsent = /does not exist/.test(described.error.message);
        return isAbsent ? ok(undefined) : fail(unread(described.error, 'cloudformation:DescribeStacks'));
      }
      const [stack = {}] = items(described.value.Stacks);
      const url = items(stack.Outputs).find(({ OutputKey }) => OutputKey === 'BrokerUrl')?.OutputValue;
      const drift = text(members(stack.DriftInformation).StackDriftStatus);
      return ok({ status: text(stack.StackStatus), drift, url: text(url) });
    },
    async routes() {
      const all = await resources();
      if (!all.ok) return all;
      const rest = all.value.find(({ type }) => type === 'AWS::ApiGateway::RestApi');
      if (rest !== undefined) return restRoutes(rest.name);
      const api = all.value.find(({ type }) => type === 'AWS::ApiGatewayV2::Api')?.name ?? '';
      const listed = await calls.get('apigateway', `/v2/apis/${api}/routes?maxResults=100`);
      if (!listed.ok) return fail(unread(listed.error, 'apigateway:GET'));
      return ok(
        items(listed.value.items).map(({ routeKey, authorizationType }) => ({
          key: text(routeKey),
          authorisation: text(authorizationType) || 'NONE',
        })),
      );
    },
    functions: () =>
      eachOf('AWS::Lambda::Function', async ({ name }, all): Promise<Fact<Func | undefined>> => {
        const read = await calls.get('lambda', `/2015-03-31/functions/${name}/configuration`);
        if (!read.ok) return missingOr<Func>(read.error, 'lambda:GetFunctionConfiguration');
        const { State, StateReasonCode, LastUpdateStatus, Role: arn, Runtime, Environment } = read.value;
        const { TABLE_NAME, METRICS_NAMESPACE } = members(members(Environment).Variables);
        const role = text(arn).replace(/^.*\//, '');
        // Lambda wakes an inactive function.
        const isActive = State === 'Active' || State === 'Inactive';
        const isUpdated = LastUpdateStatus !== 'Failed';
        return ok({
          name,
          state:
            isActive && isUpdated ? 'Active' : isActive ? 'its update failed' : `${State} ${text(StateReasonCode)}`,
          runtime: text(Runtime),
          role: all.find((one) => one.type === 'AWS::IAM::Role' && one.name === role)?.id ?? role,
          environment: { TABLE_NAME: text(TABLE_NAME), METRICS_NAMESPACE: text(METRICS_NAMESPACE) },
        });
      }),
    roles: () =>
      eachOf('AWS::IAM::Role', async ({ id, name: RoleName }, all): Promise<Fact<Role | undefined>> => {
        const listed = await calls.query('iam', 'ListRolePolicies', { RoleName });
        if (!listed.ok) return missingOr<Role>(listed.error, 'iam:ListRolePolicies');
        const rights: string[] = [];
        for (const PolicyName of items(listed.value.PolicyNames).map(String)) {
          const policy = await calls.query('iam', 'GetRolePolicy', { RoleName, PolicyName });
          if (!policy.ok) return missingOr<Role>(policy.error, 'iam:GetRolePolicy');
          rights.push(...rightsOf(documentIn(policy.value).Statement));
        }
        const attached = await calls.query('iam', 'ListAttachedRolePolicies', { RoleName });
        if (!attached.ok) return missingOr<Role>(attached.error, 'iam:ListAttachedRolePolicies');
        const arns = items(attached.value.AttachedPolicies).map(({ PolicyArn }) => text(PolicyArn));
        const isOwn = (arn: string): boolean => all.some(({ name }) => name === arn);
        for (const PolicyArn of arns.filter(isOwn)) {
          const document = await managedDocument(PolicyArn);
          if (!document.ok) return document;
          rights.push(...rightsOf(document.value?.Statement));
        }
        return ok({ id, rights: [...new Set(rights)], attached: arns.filter((arn) => !isOwn(arn)) });
      }),
    async alarms() {
      const prefix = { AlarmNamePrefix: `${stackName}-`, MaxRecords: '100' };
      const listed = await pages(
        (next) => calls.query('monitoring', 'DescribeAlarms', { ...prefix, ...next }),
        'MetricAlarms',
        'cloudwatch:DescribeAlarms',
      );
      if (!listed.ok) return listed;
      return ok(
        listed.value.map(
          ({ AlarmName, ActionsEnabled, AlarmActions, StateValue }): Alarm => ({
            name: text(AlarmName),
            isEnabled: String(ActionsEnabled) === 'true',
            topics: items(AlarmActions).map(String),
            state: text(StateValue),
          }),
        ),
      );
    },
    rules: () =>
      eachOf('AWS::Events::Rule', async ({ id, name }): Promise<Fact<Rule | undefined>> => {
        const rule = await calls.json('events', 'DescribeRule', { Name: name });
        if (!rule.ok) return missingOr<Rule>(rule.error, 'events:DescribeRule');
        const listed = await calls.json('events', 'ListTargetsByRule', { Rule: name });
        if (!listed.ok) return missingOr<Rule>(listed.error, 'events:ListTargetsByRule');
        return ok({
          id,
          schedule: text(rule.value.ScheduleExpression),
          isEnabled: rule.value.State !== 'DISABLED',
          targets: items(listed.value.Targets).map(({ Arn }) => text(Arn)),
        });
      }),
    async table() {
      const TableName = deployment.tableName;
      const gone = { name: TableName, key: [], ttl: undefined, isRecoverable: false, isProtected: false };
      const described = await calls.json('dynamodb', 'DescribeTable', { TableName });
      if (!described.ok) {
        if (isMissing(described.error)) return ok({ ...gone, status: 'MISSING', encryption: '' });
        return fail(unread(described.error, 'dynamodb:DescribeTable'));
      }
      const ends = await calls.json('dynamodb', 'DescribeTimeToLive', { TableName });
      if (!ends.ok) return fail(unread(ends.error, 'dynamodb:DescribeTimeToLive'));
      const backups = await calls.json('dynamodb', 'DescribeContinuousBackups', { TableName });
      if (!backups.ok) return fail(unread(backups.error, 'dynamodb:DescribeContinuousBackups'));
      const { TableStatus, KeySchema, SSEDescription, DeletionProtectionEnabled } = members(described.value.Table);
      const { TimeToLiveStatus, AttributeName } = members(ends.value.TimeToLiveDescription);
      const { PointInTimeRecoveryDescription } = members(backups.value.ContinuousBackupsDescription);
      const { Status, InaccessibleEncryptionDateTime } = members(SSEDescription);
      return ok({
        name: TableName,
        status: text(TableStatus),
        key: items(KeySchema).map((part) => text(part.AttributeName)),
        ttl: TimeToLiveStatus === 'ENABLED' || TimeToLiveStatus === 'ENABLING' ? text(AttributeName) : undefined,
        isRecoverable: members(PointInTimeRecoveryDescription).PointInTimeRecoveryStatus === 'ENABLED',
        isProtected: DeletionProtectionEnabled === true,
        encryption: InaccessibleEncryptionDateTime === undefined ? text(Status) || 'DEFAULT' : 'INACCESSIBLE',
      });
    },
    async topic(TopicArn) {
      const read = await calls.query('sns', 'GetTopicAttributes', { TopicArn });
      if (!read.ok) {
        return isMissing(read.error)
          ? ok({ arn: TopicArn, confirmed: 0, pending: 0 })
          : fail(unread(read.error, 'sns:GetTopicAttributes'));
      }
      const values = new Map(items(read.value.Attributes).map(({ key, value }) => [key, Number(value)]));
      const number = (name: string) => values.get(name) ?? 0;
      return ok({
        arn: TopicArn,
        confirmed: number('SubscriptionsConfirmed'),
        pending: number('SubscriptionsPending'),
      });
    },
  };
}
