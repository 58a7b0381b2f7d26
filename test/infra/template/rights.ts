import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { ofType, parts, references, statements } from './reading.ts';

/** Lets in what is not named, so that nobody sees how much it is. */
const LEAVES_OUT = ['NotAction', 'NotResource', 'NotPrincipal'] as const;

/** IAM's quota for the inline policies of one role, without white space. It cannot be raised. */
export const ROLE_POLICY_CHARACTERS = 10_240;

/** What CloudFormation fills in, at its longest. */
const RESOLVED: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws-us-gov',
  'AWS::Region': 'ap-southeast-1',
  'AWS::AccountId': '123456789012',
  'AWS::URLSuffix': 'amazonaws.com.cn',
};

/** Longer than the ARN of any resource here. */
const LONG_ARN = 'a'.repeat(128);

/** A value as CloudFormation would fill it in, at its longest. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const { 'Fn::Sub': sub, 'Fn::GetAtt': getAtt } = value as Json;
  if (typeof sub === 'string') return sub.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => RESOLVED[name] ?? LONG_ARN);
  if (getAtt !== undefined) return LONG_ARN;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolved(part)]));
}

/** How many characters of IAM's quota a role's statements take. */
export const policyCharacters = (of: readonly unknown[]): number => JSON.stringify(resolved(of)).length;

/** A full ARN, or a name with the hyphen and six characters that Secrets Manager puts behind it: nothing wilder. */
const ONE_SECRET = /^[^*?]+(-\?{6})?$/;

/** Other actions than reading: for the function that rotates. */
const changesSecrets = ({ Action }: Json): boolean =>
  [Action].flat().some((action) => /^secretsmanager:(?!GetSecretValue$)/.test(String(action)));

/** An ARN in this account and region, as statements write it. */
const arnHere = (service: string, rest: string): string =>
  `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`;

const secretArn = (secret: string): string =>
  secret.startsWith('arn:') ? secret : arnHere('secretsmanager', `secret:${secret}-??????`);

const textOf = (value: unknown): unknown => (value as Json | undefined)?.['Fn::Sub'] ?? value;

/** Whether a statement is about the secrets that a function rotates, where Secrets Manager knows it as their function. */
function isForRotated(template: Template, [name, { FunctionName }]: readonly [string, Json], statement: Json): boolean {
  const schedules = ofType(template, 'AWS::SecretsManager::RotationSchedule').filter(([, { RotationLambdaARN }]) =>
    references(RotationLambdaARN).includes(name),
  );
  const rotated = schedules.map(([, { SecretId }]) => secretArn(String(SecretId)));
  const named = [statement.Resource].flat().map(textOf);
  const { StringEquals } = (statement.Condition ?? {}) as { StringEquals?: Json };
  const by = textOf(StringEquals?.['secretsmanager:resource/AllowRotationLambdaArn']);
  const isSame = named.toSorted().join() === rotated.toSorted().join();
  return isSame && by === arnHere('lambda', `function:${FunctionName}`);
}

/** What somebody may do. */
export const RIGHTS: readonly Rule[] = [
  {
    name: 'statements name what they are about, not what they leave out',
    complaints: (template) =>
      statements(template).flatMap(([path, statement]) =>
        LEAVES_OUT.filter((part) => part in statement).map((part) => `${path}.${part}`),
      ),
  },
  {
    name: 'a statement for everybody only denies',
    complaints: (template) =>
      statements(template).flatMap(([path, { Effect, Principal }]) =>
        JSON.stringify(Principal ?? '').includes('*') && Effect !== 'Deny' ? [path] : [],
      ),
  },
  {
    name: 'secrets are named one by one',
    complaints: (template) =>
      statements(template).flatMap(([path, { Action, Resource }]) => {
        if (![Action].flat().some((action) => String(action).startsWith('secretsmanager:'))) return [];
        const texts = [Resource].flat().map((resource) => (resource as Json | undefined)?.['Fn::Sub'] ?? resource);
        return texts.every((text) => typeof text === 'string' && ONE_SECRET.test(text)) ? [] : [path];
      }),
  },
  {
    name: 'a secret is changed by the function that rotates it, and by no other',
    complaints: (template) => {
      const changing = statements(template).filter(([, statement]) => changesSecrets(statement));
      const functions = ofType(template, 'AWS::Lambda::Function').map((one) => {
        const [role = ''] = references(one[1].Role);
        return { one, own: changing.filter(([path]) => path.startsWith(`${role}.`)) };
      });
      const rightful = functions.flatMap(({ one, own }) =>
        own.filter(([, statement]) => isForRotated(template, one, statement)),
      );
      const unable = ofType(template, 'AWS::SecretsManager::RotationSchedule').filter(
        ([, { RotationLambdaARN }]) =>
          !functions.some(({ one, own }) => own.length > 0 && references(RotationLambdaARN).includes(one[0])),
      );
      const wrongful = changing.filter((statement) => !rightful.includes(statement));
      return [...wrongful.map(([path]) => path), ...unable.map(([name]) => name)];
    },
  },
  {
    name: 'a key decrypts through one service only',
    complaints: (template) =>
      statements(template).flatMap(([path, { Action, Condition }]) => {
        const isAboutKeys = [Action].flat().some((action) => String(action).startsWith('kms:'));
        const { StringEquals } = (Condition ?? {}) as { StringEquals?: Json };
        const via = JSON.stringify(StringEquals?.['kms:ViaService'] ?? '');
        return !isAboutKeys || /(dynamodb|secretsmanager)\./.test(via) ? [] : [path];
      }),
  },
  {
    name: "a function writes its own log, and no other's",
    complaints: (template) =>
      ofType(template, 'AWS::Lambda::Function').flatMap(([name, { Role, FunctionName }]) => {
        const [role = ''] = references(Role);
        const logging = [...parts(template.Resources[role]?.Properties, role)].filter(([, { Action }]) =>
          [Action].flat().some((action) => String(action).startsWith('logs:')),
        );
        const groups = logging.flatMap(([, { Resource }]) => references(Resource));
        const names = groups.map((group) => template.Resources[group]?.Properties.LogGroupName);
        return names.length === 1 && names[0] === `/aws/lambda/${FunctionName}` ? [] : [name];
      }),
  },
  {
    name: 'policies fit into a role',
    complaints: (template) =>
      ofType(template, 'AWS::IAM::Role').flatMap(([name, { Policies }]) =>
        policyCharacters([Policies].flat()) < ROLE_POLICY_CHARACTERS ? [] : [name],
      ),
  },
];
