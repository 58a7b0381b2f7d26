import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { errorName } from '../../../lib/aws/call.ts';
import { fail, ok } from '../../../lib/core/result.ts';
import type { Deployment } from '../deployment.ts';
import { clientOptions } from '../deployment.ts';
import type { AwsView, Place, TokenTable } from './aws-view.ts';
import type { Fact } from './finding.ts';
import { structureOf, type Template } from './template.ts';

/** The topic of the alarms, as if the local stack had been deployed with one. */
export const LOCAL_TOPIC = 'arn:aws:sns:eu-central-1:123456789012:local';

/** The account of the stand-ins. */
export const LOCAL_ACCOUNT = '123456789012';

/** What the table's stand-in says, where it has an own answer; the rest is as in the template. */
async function readTable(deployment: Deployment, packaged: TokenTable | undefined): Promise<Fact<TokenTable>> {
  const client = new DynamoDBClient(clientOptions(deployment, ({ tableUrl }) => tableUrl));
  const { tableName: name, advice } = deployment;
  if (packaged === undefined) return fail({ says: 'is not in the template', todo: 'see infra/table.yml' });
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    const key = (Table?.KeySchema ?? []).map(({ AttributeName = '' }) => AttributeName);
    return ok({ ...packaged, name, status: Table?.TableStatus ?? '', key });
  } catch (error) {
    const says = errorName(error);
    if (says === 'ResourceNotFoundException') return ok({ ...packaged, name, status: 'MISSING' });
    return fail({ says: `could not be asked: ${says}`, todo: advice[says] ?? 'try again' });
  } finally {
    client.destroy();
  }
}

/** The view of the local stack: the template answers for what has no stand-in. */
export function createLocalView(
  deployment: Deployment,
  template: Template,
  { place, url }: { readonly place: Place; readonly url: string },
): AwsView {
  const { routes, functions, roles, alarms, rules, table } = structureOf(template, place);
  return {
    identity: async () => ok({ ...place, arn: 'the local stack' }),
    clockAheadMs: () => undefined,
    stack: async () => ok({ status: 'CREATE_COMPLETE', drift: 'NOT_CHECKED', url }),
    routes: async () => ok(routes),
    functions: async () => ok(functions),
    roles: async () => ok(roles),
    alarms: async () => ok(alarms),
    rules: async () => ok(rules),
    table: () => readTable(deployment, table),
    topic: async (arn) => ok({ arn, confirmed: arn === LOCAL_TOPIC ? 1 : 0, pending: 0 }),
  };
}
