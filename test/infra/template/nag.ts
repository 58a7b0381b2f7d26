import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import type { Json, Template } from './packaged.ts';

/**
 * What cdk-nag's packs AwsSolutions and Serverless find in a template: `{rule} {logical name}`.
 * @param folder for the template's file, which is read from there
 */
export function findings(template: Template, folder: string): readonly string[] {
  const templateFile = join(folder, 'template-for-nag.json');
  writeFileSync(templateFile, JSON.stringify(template));
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, 'Broker');
  new CfnInclude(stack, 'Template', { templateFile });
  return [new AwsSolutionsChecks(), new ServerlessChecks()].flatMap((pack) =>
    pack
      .validateScope(stack)
      .violations.flatMap(({ ruleName, violatingResources }) =>
        violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath?.split('/').at(-1)}`),
      ),
  );
}

/** Faults that the packs tell of, as `findings` names them: they look at more than their names. */
// biome-ignore format: one fault a line
export const NAG_FAULTS: readonly (readonly [finding: string, make: (properties: (resource: string) => Json) => void])[] = [
  ['AwsSolutions-APIG4 HttpApiRoutePostProfileVarOauthV2Token', (of) => delete of('HttpApiRoutePostProfileVarOauthV2Token').AuthorizationType],
  ['AwsSolutions-DDB3 TokenTable', (of) => delete of('TokenTable').PointInTimeRecoverySpecification],
  ['AwsSolutions-L1 TokenLambdaFunction', (of) => Object.assign(of('TokenLambdaFunction'), { Runtime: 'nodejs20.x' })],
  ['Serverless-APIGWDefaultThrottling HttpApiStage', (of) => delete of('HttpApiStage').DefaultRouteSettings],
  ['Serverless-CloudWatchLogGroupRetentionPeriod TokenLogs', (of) => delete of('TokenLogs').RetentionInDays],
];
