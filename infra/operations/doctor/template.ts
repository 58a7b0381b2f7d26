import type { Func, Place, Right, Route, Rule, Structure } from './aws-view.ts';

type Json = Readonly<Record<string, unknown>>;

/** The parts of a CloudFormation template that are read. */
export interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: Json }>>;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

const list = (value: unknown): readonly unknown[] => [value ?? []].flat();

/** A template whose references are replaced by names, as in a stack that was made of it. */
function createReader({ Resources }: Template, { partition, region, account, dnsSuffix }: Place) {
  const fixed: Readonly<Record<string, string>> = {
    'AWS::Partition': partition,
    'AWS::Region': region,
    'AWS::AccountId': account,
    'AWS::URLSuffix': dnsSuffix,
  };

  function nameOf(id: string): string {
    const { FunctionName, TableName, LogGroupName } = Resources[id]?.Properties ?? {};
    return text(FunctionName ?? TableName ?? LogGroupName ?? id);
  }

  function arnOf(id: string): string {
    const arn = (service: string, rest: string) => `arn:${partition}:${service}:${region}:${account}:${rest}`;
    switch (Resources[id]?.Type) {
      case 'AWS::DynamoDB::Table':
        return arn('dynamodb', `table/${nameOf(id)}`);
      case 'AWS::Lambda::Function':
        return arn('lambda', `function:${nameOf(id)}`);
      case 'AWS::Logs::LogGroup':
        return arn('logs', `log-group:${nameOf(id)}:*`);
      default:
        return id;
    }
  }

  /** A value as CloudFormation fills it in. */
  function text(value: unknown): string {
    if (!isObject(value)) return String(value ?? '');
    const { Ref, 'Fn::GetAtt': attribute, 'Fn::Sub': pattern } = value;
    if (typeof Ref === 'string') return fixed[Ref] ?? nameOf(Ref);
    if (attribute !== undefined) return arnOf(String(list(attribute)[0]));
    return String(pattern ?? '').replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => fixed[name] ?? nameOf(name));
  }

  const ofType = (type: string): readonly (readonly [id: string, properties: Json])[] =>
    Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) => (Type === type ? [[id, Properties]] : []));
  return { text, ofType };
}

/** The rights in the statements of a policy, one for each action on each resource. */
export const rightsOf = (statements: unknown, text: (value: unknown) => string = String): readonly Right[] =>
  list(statements).flatMap((statement) => {
    const { Action, Resource, Effect } = statement as Json;
    if (Effect !== 'Allow') return [];
    return list(Action).flatMap((action) => list(Resource).map((resource) => `${action} ${text(resource)}`));
  });

/** The path of a resource of a REST API; empty for the root, which is an attribute of the API. */
function pathOf({ Resources }: Template, resource: unknown): string {
  const { Ref } = resource as { Ref?: string };
  const { ParentId, PathPart } = Resources[Ref ?? '']?.Properties ?? {};
  return PathPart === undefined ? '' : `${pathOf({ Resources }, ParentId)}/${PathPart}`;
}

/** The policies of a role that are the stack's: inline, those that it names, those that name it; and what else it names. */
function policiesOf({ Resources }: Template, id: string, { Policies, ManagedPolicyArns }: Json) {
  const refersTo = (value: unknown, name: string): boolean => isObject(value) && value.Ref === name;
  const named = list(ManagedPolicyArns);
  const separate = Object.entries(Resources).flatMap(([name, { Properties = {} }]) =>
    named.some((one) => refersTo(one, name)) || list(Properties.Roles).some((one) => refersTo(one, id))
      ? [Properties]
      : [],
  );
  const attached = named.filter((one) => !Object.keys(Resources).some((name) => refersTo(one, name)));
  return { ofRole: [...(list(Policies) as readonly Json[]), ...separate], attached };
}

/** What a stack of a template consists of. */
export function structureOf(template: Template, place: Place): Structure {
  const { text, ofType } = createReader(template, place);
  return {
    routes: [
      ...ofType('AWS::ApiGatewayV2::Route').map(
        ([, { RouteKey, AuthorizationType = 'NONE' }]): Route => ({
          key: text(RouteKey),
          authorisation: text(AuthorizationType),
        }),
      ),
      ...ofType('AWS::ApiGateway::Method').map(
        ([, { HttpMethod, ResourceId, AuthorizationType }]): Route => ({
          key: `${text(HttpMethod)} ${pathOf(template, ResourceId)}`,
          authorisation: text(AuthorizationType),
        }),
      ),
    ],
    functions: ofType('AWS::Lambda::Function').map(([, { FunctionName, Role, Environment, Runtime }]): Func => {
      const { Variables } = (Environment ?? {}) as { Variables?: Json };
      return {
        name: text(FunctionName),
        state: 'Active',
        runtime: text(Runtime),
        role: text(Role),
        environment: Object.fromEntries(Object.entries(Variables ?? {}).map(([name, value]) => [name, text(value)])),
      };
    }),
    roles: ofType('AWS::IAM::Role').map(([id, role]) => {
      const { ofRole, attached } = policiesOf(template, id, role);
      const rights = ofRole.flatMap(({ PolicyDocument }) => rightsOf((PolicyDocument as Json).Statement, text));
      return { id, rights: [...new Set(rights)], attached: attached.map(text) };
    }),
    alarms: ofType('AWS::CloudWatch::Alarm').map(([, { AlarmName, AlarmActions, ActionsEnabled }]) => ({
      name: text(AlarmName),
      isEnabled: ActionsEnabled !== false,
      topics: list(AlarmActions).map(text),
      state: 'OK',
    })),
    rules: ofType('AWS::Events::Rule').map(
      ([id, { ScheduleExpression, State, Targets }]): Rule => ({
        id,
        schedule: text(ScheduleExpression),
        isEnabled: State !== 'DISABLED',
        targets: list(Targets).map((target) => text((target as Json).Arn)),
      }),
    ),
    table: ofType('AWS::DynamoDB::Table').map(([, properties]) => {
      const { TableName, TimeToLiveSpecification: ttl, PointInTimeRecoverySpecification: recovery } = properties;
      const { KeySchema, SSESpecification, DeletionProtectionEnabled } = properties;
      return {
        name: text(TableName),
        status: 'ACTIVE',
        key: list(KeySchema).map((part) => String((part as Json).AttributeName)),
        ttl: isObject(ttl) && ttl.Enabled === true ? String(ttl.AttributeName) : undefined,
        isRecoverable: isObject(recovery) && recovery.PointInTimeRecoveryEnabled === true,
        isProtected: DeletionProtectionEnabled === true,
        encryption: isObject(SSESpecification) ? 'ENABLED' : 'DEFAULT',
      };
    })[0],
  };
}
