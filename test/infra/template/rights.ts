import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { grantedTo, ofType, references, statements } from './reading.ts';

/** Lets in what is not named, so that nobody sees how much it is. */
const LEAVES_OUT = ['NotAction', 'NotResource', 'NotPrincipal'] as const;

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

/** Whether statements are about the secrets that a function rotates, where Secrets Manager knows it as their function. */
function areForRotated(
  template: Template,
  [name, { FunctionName }]: readonly [string, Json],
  own: readonly (readonly [path: string, statement: Json])[],
): boolean {
  const schedules = ofType(template, 'AWS::SecretsManager::RotationSchedule').filter(([, { RotationLambdaARN }]) =>
    references(RotationLambdaARN).includes(name),
  );
  const rotated = schedules.map(([, { SecretId }]) => secretArn(String(SecretId)));
  const named = own.flatMap(([, { Resource }]) => [Resource].flat().map(textOf));
  const isItself = own.every(([, { Condition }]) => {
    const { StringEquals } = (Condition ?? {}) as { StringEquals?: Json };
    const by = textOf(StringEquals?.['secretsmanager:resource/AllowRotationLambdaArn']);
    return by === arnHere('lambda', `function:${FunctionName}`);
  });
  return isItself && named.toSorted().join() === rotated.toSorted().join();
}

/** Whether a condition says from which VPC endpoints, or of which organisation beside the own account. */
function isNarrowed(condition: unknown): boolean {
  const { StringEquals = {}, StringNotEquals = {} } = (condition ?? {}) as Record<string, Json | undefined>;
  const isOfOrganization = 'aws:PrincipalOrgID' in StringEquals && 'aws:PrincipalAccount' in StringNotEquals;
  return 'aws:SourceVpce' in StringEquals || isOfOrganization;
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
    name: 'a statement for everybody only denies, or is for VPC endpoints or an organisation',
    complaints: (template) =>
      statements(template).flatMap(([path, { Effect, Principal, Condition }]) =>
        JSON.stringify(Principal ?? '').includes('*') && Effect !== 'Deny' && !isNarrowed(Condition) ? [path] : [],
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
        const granted = grantedTo(template, role);
        return { one, own: changing.filter(([path]) => granted.some(([its]) => its === path)) };
      });
      const rightful = functions.flatMap(({ one, own }) => (areForRotated(template, one, own) ? own : []));
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
        const logging = grantedTo(template, role).filter(([, { Action }]) =>
          [Action].flat().some((action) => String(action).startsWith('logs:')),
        );
        const names = logging.map(([, { Resource }]) => {
          const [group = ''] = references(Resource);
          // A group that is not of the stack is written out.
          const [, name] = /:log-group:(.+):\*$/.exec(String(textOf(Resource))) ?? [];
          return name ?? template.Resources[group]?.Properties.LogGroupName;
        });
        return names.length === 1 && names[0] === `/aws/lambda/${FunctionName}` ? [] : [name];
      }),
  },
];
