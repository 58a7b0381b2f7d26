import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { ofType, references } from './reading.ts';

const root = join(import.meta.dirname, '../../..');

/** A metric as an alarm names it, in an expression or alone. */
export interface Watched {
  readonly Namespace?: unknown;
  readonly MetricName?: unknown;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** One part of an expression, or the expression itself. */
interface Query {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: Watched; readonly Period: number };
  readonly ReturnData?: boolean;
}

const queriesOf = ({ Metrics = [] }: Json): readonly Query[] => Metrics as readonly Query[];

/** All metrics that an alarm looks at: each is charged. */
export const metricsOf = (alarm: Json): readonly Watched[] =>
  alarm.Metrics === undefined ? [alarm] : queriesOf(alarm).flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);

export const alarmsOf = (template: Template) => ofType(template, 'AWS::CloudWatch::Alarm');

/** What AWS counts, by namespace: the dimension, the type of what it names, and the metrics. */
const AWS_METRICS: Readonly<Record<string, readonly [dimension: string, type: string, metrics: readonly string[]]>> = {
  'AWS/Lambda': ['FunctionName', 'AWS::Lambda::Function', ['Errors', 'Throttles', 'Invocations', 'Duration']],
  'AWS/ApiGateway': ['ApiId', 'AWS::ApiGatewayV2::Api', ['Count', '4xx', '5xx', 'Latency']],
};

/** A REST API counts by its name and stage, in words of its own. */
const isOfRestApi = (template: Template, { MetricName, Dimensions = [] }: Watched): boolean => {
  const named = new Map(Dimensions.map(({ Name, Value }) => [Name, (Value as Json)['Fn::Sub'] ?? Value]));
  const isThis = ofType(template, 'AWS::ApiGateway::RestApi').some(([, { Name }]) => Name === named.get('ApiName'));
  const isIts = ofType(template, 'AWS::ApiGateway::Stage').some(
    ([, { StageName }]) => StageName === named.get('Stage'),
  );
  return (
    named.size === 2 && isThis && isIts && ['Count', '4XXError', '5XXError', 'Latency'].includes(String(MetricName))
  );
};

/** Words of the Embedded Metric Format itself. */
const FORMAT = ['Namespace', 'Dimensions', 'Metrics'];

/** The names of all metrics that the log may write: they alone are keys with a capital, stand for one, or get a value. */
export function loggedMetrics(): readonly string[] {
  const source = readFileSync(join(root, 'lib/http/log.ts'), 'utf8');
  const code = source.replaceAll(/\/\*\*[\s\S]*?\*\/|\/\/.*/g, '');
  const names = [...code.matchAll(/\b([A-Z][A-Za-z]+): |'([A-Z][A-Za-z]+)'|(?:\.|const )([A-Z][A-Za-z]+) = /g)].map(
    ([, key, text, variable]) => key ?? text ?? variable ?? '',
  );
  return [...new Set(names)].filter((name) => !FORMAT.includes(name));
}

/** What is counted and has no alarm of its own, and why. */
export const WITHOUT_ALARM: Readonly<Record<string, string>> = {
  Hits: 'a token that was handed out',
  TokenRequests: 'a token that was obtained',
  Renewed: 'a token that was renewed ahead',
  SecondsLeft: 'what tokens have left; LastResort counts those that have too little',
  CallerThrottled: 'a caller that loops, which gets 429; others are served',
  Waits: 'a caller that waited, and was served',
  PrewarmFailed: 'RenewalsFailed counts it too, and the run fails: prewarm-errors',
};

/** The variables of each function. */
const variables = (template: Template): readonly Json[] =>
  ofType(template, 'AWS::Lambda::Function').map(([, { Environment }]) => {
    const { Variables = {} } = (Environment ?? {}) as { Variables?: Json };
    return Variables;
  });

/** Whether a metric is in the namespace that the functions' own metrics go to. */
const isOwn = (template: Template, { Namespace }: Watched): boolean =>
  variables(template).every(({ METRICS_NAMESPACE }) => METRICS_NAMESPACE === Namespace);

/** Whether the functions count for each profile as well. */
const isByProfile = (template: Template): boolean =>
  variables(template).every(({ METRICS_BY_PROFILE }) => METRICS_BY_PROFILE === 'true');

/** The aliases of a function, as the dimension `Resource` of its metrics names them. */
const aliasesOf = (template: Template, to: string): readonly unknown[] =>
  ofType(template, 'AWS::Lambda::Alias')
    .filter(([, { FunctionName }]) => references(FunctionName).includes(to))
    .map(([, { Name }]) => `\${${to}}:${Name}`);

/** The functions' own metrics have no dimensions but the profile's, so an alarm with another would wait for ever. */
export function isThere(template: Template, metric: Watched): boolean {
  const { Namespace, MetricName, Dimensions = [] } = metric;
  const aws = AWS_METRICS[String(Namespace)];
  if (aws === undefined) {
    const isCounted =
      Dimensions.length === 0 || (isByProfile(template) && Dimensions.every(({ Name }) => Name === 'profile'));
    return isOwn(template, metric) && isCounted && loggedMetrics().includes(String(MetricName));
  }
  if (Namespace === 'AWS/ApiGateway' && isOfRestApi(template, metric)) return true;
  const [name, type, metrics] = aws;
  const [dimension, ...others] = Dimensions;
  const [to = ''] = references(dimension?.Value);
  const isOfType = dimension?.Name === name && template.Resources[to]?.Type === type;
  const isOfAlias = others.every(
    ({ Name, Value }) => Name === 'Resource' && aliasesOf(template, to).includes((Value as Json)['Fn::Sub']),
  );
  return others.length < 2 && isOfAlias && isOfType && metrics.includes(String(MetricName));
}

/** Names in an expression: those of functions are in capitals. */
const namesIn = (expression: string): readonly string[] => expression.match(/\b[a-z]\w*/g) ?? [];

function isSound(queries: readonly Query[]): boolean {
  const stats = queries.filter(({ MetricStat }) => MetricStat !== undefined);
  const [looked, ...others] = queries.filter(({ ReturnData }) => ReturnData !== false);
  const used = new Set(namesIn(looked?.Expression ?? ''));
  const periods = new Set(stats.map(({ MetricStat }) => MetricStat?.Period));
  const isComplete = stats.length === used.size && stats.every(({ Id }) => used.has(Id));
  return isComplete && others.length === 0 && periods.size === 1;
}

const DAY_SECONDS = 86_400;

/** CloudWatch refuses more data points than periods, and more than a day; without data, only the schedule is in doubt. */
function canBeRaised(alarm: Json): boolean {
  const { EvaluationPeriods: periods, DatapointsToAlarm: points = periods, TreatMissingData } = alarm;
  const seconds =
    alarm.Period ?? queriesOf(alarm).find(({ MetricStat }) => MetricStat !== undefined)?.MetricStat?.Period;
  const silence = alarm.MetricName === 'Invocations' ? 'breaching' : 'notBreaching';
  const isPossible = Number(points) <= Number(periods) && Number(seconds) * Number(periods) <= DAY_SECONDS;
  return isPossible && TreatMissingData === silence;
}

/** The names of the alarms that do not keep to something. */
export const alarmsThat = (template: Template, keeps: (alarm: Json) => boolean): readonly string[] =>
  alarmsOf(template).flatMap(([name, alarm]) => (keeps(alarm) ? [] : [name]));

/** What an operator is woken for. */
export const ALARMS: readonly Rule[] = [
  {
    name: 'every alarm looks at something that is there',
    complaints: (template) =>
      alarmsThat(template, (alarm) => {
        const metrics = metricsOf(alarm);
        return metrics.length > 0 && metrics.every((metric) => isThere(template, metric));
      }),
  },
  {
    name: 'an expression names each of its metrics, and alone is looked at',
    complaints: (template) => alarmsThat(template, (alarm) => alarm.Metrics === undefined || isSound(queriesOf(alarm))),
  },
  { name: 'an alarm can be raised', complaints: (template) => alarmsThat(template, canBeRaised) },
  {
    name: 'what the log counts as harm has an alarm',
    complaints: (template) => {
      const watched = alarmsOf(template)
        .flatMap(([, alarm]) => metricsOf(alarm))
        .filter((metric) => isOwn(template, metric))
        .map(({ MetricName }) => MetricName);
      const isCounted = (name: string) =>
        name !== 'IssuerAway' || template.Resources.FederatedLambdaFunction !== undefined;
      return loggedMetrics().filter(
        (name) => isCounted(name) && !watched.includes(name) && !Object.hasOwn(WITHOUT_ALARM, name),
      );
    },
  },
];
