import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Json, Resource } from './packaged.ts';

const root = join(import.meta.dirname, '../../..');
const require = createRequire(import.meta.url);

/** A statement of IAM. */
export interface Statement extends Json {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
}

/** What a deployment is set to; the other parameters have their defaults. */
export interface Deployment {
  readonly params?: Readonly<Record<string, string>>;
  readonly stage?: string;
  readonly region?: string;
}

/** What a file of infra/ says of a deployment, with what is wrong and what is doubtful. */
export interface Report {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

const { params: sections } = parse(readFileSync(join(root, 'serverless.yml'), 'utf8'));

/** The names of the parameters in serverless.yml. */
export const DEFAULTS: Readonly<Record<string, unknown>> = sections.default;

/** What the deployment tool hands to the functions that `${file(infra/….cjs)}` calls. */
function contextOf({ params = {}, stage = 'dev', region = 'eu-central-1' }: Deployment) {
  const fixed: Json = { 'self:service': 'zitadel-token-broker', 'self:provider.region': region, 'sls:stage': stage };
  const set: Json = { ...DEFAULTS, ...sections[stage], ...params };
  return {
    options: { param: Object.entries(params).map(([name, value]) => `${name}=${value}`) },
    resolveVariable: async (name: string) => (name.startsWith('param:') ? set[name.slice(6)] : fixed[name]),
    resolveConfigurationProperty: async () => sections,
  };
}

/** What a file of infra/ answers for a deployment. */
async function ask<T>(file: string, deployment: Deployment): Promise<T> {
  return require(join(root, 'infra', file))(contextOf(deployment));
}

export const parametersOf = (deployment: Deployment = {}): Promise<Report & { values: Json }> =>
  ask('parameters.cjs', deployment);

export const optionsOf = (deployment: Deployment = {}): Promise<object> => ask('options.cjs', deployment);

export const rotationOf = (
  deployment: Deployment = {},
): Promise<Report & { template: { Resources: Record<string, Resource> } }> => ask('rotation.cjs', deployment);

export const rolesOf = (
  deployment: Deployment = {},
): Promise<Report & { isWidened: boolean; template: { Resources: Record<string, Resource> } }> =>
  ask('roles.cjs', deployment);

export const resourcesOf = async (file: string, deployment: Deployment = {}): Promise<Record<string, Resource>> =>
  (await ask<{ Resources: Record<string, Resource> }>(file, deployment)).Resources;

/** The statements of a role, wherever they are: inline, or in managed policies that it names. */
export function statementsIn(resources: Readonly<Record<string, Resource>>, role: string): readonly Statement[] {
  const { Policies = [], ManagedPolicyArns = [] } = (resources[role]?.Properties ?? {}) as {
    Policies?: Json[];
    ManagedPolicyArns?: { Ref: string }[];
  };
  const managed = ManagedPolicyArns.map(({ Ref }) => resources[Ref]?.Properties ?? {});
  return [...Policies, ...managed].flatMap(
    ({ PolicyDocument }) => (PolicyDocument as { Statement: Statement[] }).Statement,
  );
}
