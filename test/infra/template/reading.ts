import type { Json, Template } from './packaged.ts';

/** The resources of a type, by their logical names. */
export const ofType = ({ Resources }: Template, type: string): readonly (readonly [name: string, properties: Json])[] =>
  Object.entries(Resources).flatMap(([name, { Type, Properties }]) =>
    Type === type ? [[name, Properties ?? {}]] : [],
  );

/** A value and every object and list within it, with the way to each. */
export function* parts(value: unknown, path: string): Generator<readonly [path: string, part: Json]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path, value as Json];
  for (const [name, part] of Object.entries(value)) yield* parts(part, `${path}.${name}`);
}

/** Every statement of every policy in the template, with the way to it. */
export const statements = ({ Resources }: Template): readonly (readonly [path: string, statement: Json])[] =>
  Object.entries(Resources).flatMap(([name, { Properties }]) =>
    [...parts(Properties, name)].filter(([, part]) => 'Effect' in part),
  );

/** The path of a resource of a REST API. */
function pathOf({ Resources }: Template, id: string): string {
  const { ParentId, PathPart } = Resources[id]?.Properties ?? {};
  const [parent = ''] = references(ParentId);
  return PathPart === undefined ? '' : `${pathOf({ Resources, Outputs: {} }, parent)}/${PathPart}`;
}

/** The routes of every API, with how they are authorised. */
export const routesOf = (
  template: Template,
): readonly { readonly name: string; readonly key: string; readonly authorisation: unknown }[] => [
  ...ofType(template, 'AWS::ApiGatewayV2::Route').map(([name, { RouteKey, AuthorizationType }]) => ({
    name,
    key: String(RouteKey),
    authorisation: AuthorizationType,
  })),
  ...ofType(template, 'AWS::ApiGateway::Method').map(([name, { HttpMethod, ResourceId, AuthorizationType }]) => ({
    name,
    key: `${HttpMethod} ${pathOf(template, references(ResourceId)[0] ?? '')}`,
    authorisation: AuthorizationType,
  })),
];

/** The statements of a role, wherever they are: inline, in managed policies that it names, and in policies that name it. */
export function grantedTo(template: Template, role: string): readonly (readonly [path: string, statement: Json])[] {
  const named = references(template.Resources[role]?.Properties.ManagedPolicyArns);
  const isOfRole = (id: string): boolean =>
    id === role || named.includes(id) || references(template.Resources[id]?.Properties.Roles).includes(role);
  return statements(template).filter(([path]) => isOfRole(path.split('.')[0] ?? ''));
}

/** The logical names in `${…}` of a text for `Fn::Sub`; `${!…}` stands for itself. */
const namesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name = '']) => name.split('.')[0] ?? '');

/** The logical names that an object itself refers to: `Ref`, `Fn::GetAtt` and `Fn::Sub`, each in both spellings. */
function named({ Ref, 'Fn::GetAtt': getAtt, 'Fn::Sub': sub }: Json): readonly string[] {
  const names: string[] = [];
  if (typeof Ref === 'string') names.push(Ref);
  if (typeof getAtt === 'string') names.push(getAtt.split('.')[0] ?? '');
  if (Array.isArray(getAtt)) names.push(String(getAtt[0]));
  if (typeof sub === 'string') names.push(...namesIn(sub));
  if (Array.isArray(sub)) names.push(...namesIn(String(sub[0])).filter((name) => !(name in Object(sub[1]))));
  return names;
}

/** The logical names that a value refers to, wherever in it; names of AWS's own (`AWS::Region`) are left out. */
export const references = (value: unknown): readonly string[] =>
  [...parts(value, '')].flatMap(([, part]) => named(part)).filter((name) => !name.startsWith('AWS::'));
