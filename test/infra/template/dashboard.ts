import { alarmsOf, isThere, loggedMetrics, type Watched } from './alarms.ts';
import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';
import { ofType } from './reading.ts';

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: Json;
}

const COLUMNS = 24;

/** The text of a body, wherever CloudFormation fills something in. */
const textOf = (body: unknown): string => String((body as Json | undefined)?.['Fn::Sub'] ?? body);

/** The widgets of all dashboards; none of one whose body is not valid. */
export const widgetsOf = (template: Template): readonly Widget[] =>
  ofType(template, 'AWS::CloudWatch::Dashboard').flatMap(([, { DashboardBody }]) => {
    try {
      return (JSON.parse(textOf(DashboardBody)) as { widgets: Widget[] }).widgets;
    } catch {
      return [];
    }
  });

/** The metrics of a widget: namespace, name, pairs of dimensions, options; or an expression alone. */
const metricsOf = ({ properties }: Widget): readonly Watched[] =>
  ((properties.metrics ?? []) as readonly (readonly unknown[])[]).flatMap((entry) => {
    const [Namespace, MetricName, ...pairs] = entry.filter((part) => typeof part === 'string');
    if (Namespace === undefined) return [];
    const names = pairs.filter((_, at) => at % 2 === 0);
    const Dimensions = names.map((Name, at) => ({ Name, Value: { 'Fn::Sub': pairs[2 * at + 1] } }));
    return [{ Namespace, MetricName, Dimensions }];
  });

const isApart = (a: Widget, b: Widget): boolean =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

const label = ({ properties }: Widget): string => String(properties.title ?? properties.markdown);

/** The ARN of an alarm, as the dashboard writes it. */
const arnOf = ({ AlarmName }: Json): string =>
  `arn:\${AWS::Partition}:cloudwatch:\${AWS::Region}:\${AWS::AccountId}:alarm:${AlarmName}`;

const isOfProfile = ({ Dimensions = [] }: Json): boolean =>
  (Dimensions as readonly { readonly Name: string }[]).some(({ Name }) => Name === 'profile');

/** It matters to CodeDeploy while traffic shifts; what it looks at has an alarm of its own. */
const isOfShift = ({ AlarmName }: Json): boolean => String(AlarmName).includes('-token-shift-');

/** What is seen at one glance. */
export const SEEN: readonly Rule[] = [
  {
    name: 'a dashboard is valid, and no widget covers another',
    complaints: (template) => {
      const widgets = widgetsOf(template);
      const covering = widgets.filter(
        (one, at) => one.x + one.width > COLUMNS || !widgets.slice(at + 1).every((other) => isApart(one, other)),
      );
      return widgets.length === 0 ? ['no widgets'] : covering.map(label);
    },
  },
  {
    name: 'a dashboard shows metrics that are there',
    complaints: (template) =>
      widgetsOf(template).flatMap((widget) =>
        metricsOf(widget)
          .filter((metric) => !isThere(template, metric))
          .map(({ MetricName }) => `${label(widget)}: ${MetricName}`),
      ),
  },
  {
    name: 'the dashboard shows all that the log counts',
    complaints: (template) => {
      const shown = widgetsOf(template).flatMap((widget) => metricsOf(widget).map(({ MetricName }) => MetricName));
      return loggedMetrics().filter((name) => !shown.includes(name));
    },
  },
  {
    name: 'the dashboard shows every alarm, but those of single profiles and of a shift',
    complaints: (template) => {
      const shown = widgetsOf(template).flatMap(({ properties }) => (properties.alarms ?? []) as readonly string[]);
      const wanted = alarmsOf(template).flatMap(([, alarm]) =>
        isOfProfile(alarm) || isOfShift(alarm) ? [] : [arnOf(alarm)],
      );
      const missing = wanted.filter((arn) => !shown.includes(arn));
      return [...missing, ...shown.filter((arn) => !wanted.includes(arn))];
    },
  },
  {
    name: 'a rule on contributors reads a log that is there, and is shown',
    complaints: (template) => {
      const groups = ofType(template, 'AWS::Logs::LogGroup').map(([, { LogGroupName }]) => LogGroupName);
      const rules = ofType(template, 'AWS::CloudWatch::InsightRule');
      const insightRules = widgetsOf(template).map(({ properties }) => properties.insightRule as Json | undefined);
      const shown = insightRules.flatMap((rule) => (rule === undefined ? [] : [rule.ruleName]));
      const wrong = rules.filter(([, { RuleBody, RuleName }]) => {
        const { LogGroupNames } = JSON.parse(String(RuleBody)) as { LogGroupNames: string[] };
        return !LogGroupNames.every((name) => groups.includes(name)) || !shown.includes(RuleName);
      });
      const known = rules.map(([, { RuleName }]) => RuleName);
      return [...wrong.map(([name]) => name), ...shown.filter((name) => !known.includes(name)).map(String)];
    },
  },
];
