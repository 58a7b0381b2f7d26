/** A metric as an alarm names it. */
export interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}

/** The properties of an alarm that decide when it is raised. */
export interface Alarm extends Partial<Metric> {
  readonly Metrics?: readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly MetricStat?: { readonly Metric: Metric; readonly Period: number };
  }[];
  readonly Statistic?: string;
  readonly Period?: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly Threshold: number;
  readonly ComparisonOperator: string;
  readonly TreatMissingData: string;
}

/** One value of a metric. */
export interface Sample extends Metric {
  readonly atMs: number;
  readonly value: number;
}

const SECOND_MS = 1_000;

const nameOf = ({ Namespace, MetricName, Dimensions = [] }: Metric): string =>
  JSON.stringify([Namespace, MetricName, Dimensions]);

const STATISTICS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  Sum: (values) => values.reduce((sum, value) => sum + value, 0),
  Minimum: (values) => Math.min(...values),
};

/** An expression of metric math with `IF` and `FILL`; `undefined` where it lacks a value. */
function calculate(expression: string, values: Readonly<Record<string, number | undefined>>): number | undefined {
  const helpers = {
    FILL: (value: number | undefined, filler: number) => value ?? filler,
    IF: (isTrue: boolean, then: number, otherwise: number) => (isTrue ? then : otherwise),
  };
  const names = [...Object.keys(helpers), ...Object.keys(values)];
  const result = new Function(...names, `return ${expression};`)(...Object.values(helpers), ...Object.values(values));
  return Number.isFinite(result) ? result : undefined;
}

/** CloudWatch over samples: which alarms are raised at an instant. Windows slide, as is its default. */
export function createCloudWatch(samples: readonly Sample[]) {
  const series = Map.groupBy(samples, nameOf);

  function statistic(metric: Metric, how: string, fromMs: number, toMs: number): number | undefined {
    const within = (series.get(nameOf(metric)) ?? []).filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const of = STATISTICS[how];
    if (of === undefined) throw new Error(`no statistic ${how}`);
    return within.length === 0 ? undefined : of(within.map(({ value }) => value));
  }

  function evaluate(alarm: Alarm, toMs: number, periodMs: number): number | undefined {
    const from = toMs - periodMs;
    const { Metrics = [], Namespace = '', MetricName = '', Dimensions = [] } = alarm;
    if (alarm.Metrics === undefined)
      return statistic({ Namespace, MetricName, Dimensions }, alarm.Statistic ?? '', from, toMs);
    const values = Metrics.flatMap(({ Id, MetricStat }) =>
      MetricStat === undefined ? [] : [[Id, statistic(MetricStat.Metric, 'Sum', from, toMs)] as const],
    );
    const expression = Metrics.find(({ Expression }) => Expression !== undefined)?.Expression ?? '';
    return calculate(expression, Object.fromEntries(values));
  }

  return {
    isRaised(alarm: Alarm, nowMs: number): boolean {
      const { EvaluationPeriods: periods, DatapointsToAlarm: wanted = periods, Threshold } = alarm;
      const seconds = alarm.Period ?? alarm.Metrics?.find(({ MetricStat }) => MetricStat)?.MetricStat?.Period ?? 0;
      const periodMs = seconds * SECOND_MS;
      const breaching = Array.from({ length: periods }, (_, at) =>
        evaluate(alarm, nowMs - at * periodMs, periodMs),
      ).filter((value) => {
        if (value === undefined) return alarm.TreatMissingData === 'breaching';
        return alarm.ComparisonOperator === 'LessThanThreshold' ? value < Threshold : value > Threshold;
      });
      return breaching.length >= wanted;
    },
  };
}
