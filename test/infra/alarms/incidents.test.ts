import { beforeEach, describe, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../../../lib/compose/sandbox.ts';
import { context, tokenEvent } from '../../support/events.ts';
import { createFleet, cut, type Fleet, refusal } from '../../support/fleet.ts';
import { resourcesOf } from '../template/framework.ts';
import { type Alarm, createCloudWatch, type Sample } from './cloudwatch.ts';

const PREFIX = 'zitadel-token-broker-test';
/** The alarms, on the metrics of a fleet of `test/support`. */
const Resources = JSON.parse(
  JSON.stringify(await resourcesOf('alarms.cjs', { stage: 'test' })).replaceAll(
    `"Namespace":"${PREFIX}"`,
    '"Namespace":"test"',
  ),
) as Record<string, { Properties: Alarm & { AlarmName: string; AlarmDescription: string } }>;

/** No sample of its metric is made here. */
const UNTRIED = ['api-latency'];
const ALARMS = Object.values(Resources)
  .map(({ Properties }) => ({ ...Properties, name: Properties.AlarmName.replace(`${PREFIX}-`, '') }))
  .filter(({ name }) => !UNTRIED.includes(name));

const MINUTE_MS = 60_000;
/** Ten requests an hour, a run of prewarm every five minutes, and a new sandbox every half hour. */
const EVERY = { request: 6, run: 5, sandbox: 30 };
/** Tokens live for two hours: one is due for its renewal within each of the times below. */
const LIFE_SECONDS = 7_200;
const HEALTHY_MINUTES = 60;

let fleet: Fleet;
let samples: Sample[];
let isScheduled: boolean;
beforeEach(() => {
  isScheduled = true;
  fleet = createFleet({ changes: { orders: { prewarm: true } }, tokenLifetimeSeconds: LIFE_SECONDS });
  samples = [];
});

const count = (
  Namespace: string,
  MetricName: string,
  dimension: readonly [Name: string, resource: string],
  value = 1,
) => {
  const [Name, Ref] = dimension;
  samples.push({ Namespace, MetricName, Dimensions: [{ Name, Value: { Ref } }], atMs: fleet.clock.now(), value });
};

/** What CloudWatch extracts from a line. */
function extract(line: string): void {
  const { _aws, ...members } = JSON.parse(line);
  for (const { Namespace, Metrics } of _aws?.CloudWatchMetrics ?? []) {
    for (const { Name } of Metrics as { Name: string }[])
      samples.push({ Namespace, MetricName: Name, atMs: fleet.clock.now(), value: members[Name] });
  }
}

function startSandbox(): Sandbox {
  const { clock, send, secrets, table, profiles } = fleet;
  const overrides = { clock, send, secrets, table, random: () => 0.5, write: extract };
  return createSandbox(profiles, { METRICS_NAMESPACE: 'test' }, overrides);
}

async function ask(sandbox: Sandbox): Promise<void> {
  const { statusCode } = await fleet.run(
    sandbox.token(tokenEvent('orders', 'grant_type=client_credentials'), context()),
  );
  count('AWS/Lambda', 'Invocations', ['FunctionName', 'TokenLambdaFunction']);
  count('AWS/ApiGateway', 'Count', ['ApiId', 'HttpApi']);
  count('AWS/ApiGateway', '5xx', ['ApiId', 'HttpApi'], statusCode >= 500 ? 1 : 0);
}

async function prewarm(sandbox: Sandbox): Promise<void> {
  const isFailed = await fleet.run(
    sandbox.prewarm({}, context(60_000)).then(
      () => false,
      () => true,
    ),
  );
  count('AWS/Lambda', 'Invocations', ['FunctionName', 'PrewarmLambdaFunction']);
  count('AWS/Lambda', 'Errors', ['FunctionName', 'PrewarmLambdaFunction'], isFailed ? 1 : 0);
}

/** Runs an hour without, and then some minutes with a fault; answers the alarms, and after how many minutes each is raised. */
async function incident(fault: () => void, minutes: number): Promise<Readonly<Record<string, number>>> {
  const raised: Record<string, number> = {};
  let [token, run] = [startSandbox(), startSandbox()];
  const from = fleet.clock.now();
  for (let minute = 0; minute < HEALTHY_MINUTES + minutes; minute += 1) {
    if (minute === HEALTHY_MINUTES) fault();
    if (minute % EVERY.sandbox === 0) [token, run] = [startSandbox(), startSandbox()];
    if (isScheduled && minute % EVERY.run === 0) await prewarm(run);
    if (minute % EVERY.request === 1) await ask(token);
    await fleet.clock.advance(from + (minute + 1) * MINUTE_MS - fleet.clock.now());
    const cloudWatch = createCloudWatch(samples);
    for (const alarm of ALARMS) {
      // prewarm has not run for long enough yet.
      if (minute >= 15 && !(alarm.name in raised) && cloudWatch.isRaised(alarm, fleet.clock.now()))
        raised[alarm.name] = minute + 1 - HEALTHY_MINUTES;
    }
  }
  return raised;
}

const away = (detail: string) => ({ kind: 'unavailable', detail }) as const;
const throttled = () => fleet.secrets.fault({ kind: 'away', detail: 'ThrottlingException' });
const refuse = () => fleet.play(() => refusal('invalid_client', 'client not found'));

/** The alarm that names the cause, and all that are raised, with the minutes since the fault. */
interface Expected {
  readonly name: string;
  readonly fault: () => void;
  readonly minutes: number;
  readonly named: Readonly<Record<string, number>>;
  readonly more: Readonly<Record<string, number>>;
}

const DENIED = { 'promise-fast': 68, 'promise-slow': 80, 'api-errors': 68 };

describe('at ten requests an hour', () => {
  test('a healthy broker raises no alarm', async () => {
    expect(await incident(() => undefined, 240)).toEqual({});
  });

  test.each<Expected>([
    {
      name: 'the table is gone',
      fault: () => fleet.table.fault(() => away('ResourceNotFoundException')),
      minutes: 60,
      named: { 'table-away': 11 },
      more: { 'prewarm-errors': 6, 'renewals-failed': 6 },
    },
    {
      name: 'Secrets Manager throttles',
      fault: throttled,
      minutes: 60,
      named: { 'secrets-away': 11 },
      more: {
        ...{ 'prewarm-errors': 6, 'renewals-failed': 6, unavailable: 8 },
        ...{ 'promise-fast': 8, 'promise-slow': 20, 'api-errors': 8 },
      },
    },
    {
      // The token of before is due 25 minutes after the fault, and ends after an hour: nobody notices until then.
      name: 'ZITADEL is down',
      fault: () => fleet.play(() => cut),
      minutes: 180,
      named: { 'zitadel-away': 36 },
      more: { 'prewarm-errors': 31, 'renewals-failed': 31, unavailable: 68, ...DENIED },
    },
    {
      name: 'the schedule stops',
      fault: () => {
        isScheduled = false;
      },
      minutes: 60,
      named: { 'prewarm-missing': 11 },
      more: {},
    },
    {
      name: 'the credential is refused',
      fault: refuse,
      minutes: 180,
      named: { 'credential-refused': 26 },
      more: { 'prewarm-errors': 31, 'renewals-failed': 31, ...DENIED },
    },
  ])('$name', async ({ fault, minutes, named, more }) => {
    expect(await incident(fault, minutes)).toEqual({ ...named, ...more });
  });
});

describe('where nothing is prewarmed', () => {
  test.each<[name: string, fault: () => void, named: string]>([
    ['the table is gone', () => fleet.table.fault(() => away('ResourceNotFoundException')), 'table-away'],
    ['Secrets Manager throttles', throttled, 'secrets-away'],
    ['ZITADEL is down', () => fleet.play(() => cut), 'zitadel-away'],
    ['the credential is refused', refuse, 'credential-refused'],
  ])('%s', async (_name, fault, named) => {
    fleet = createFleet({ tokenLifetimeSeconds: LIFE_SECONDS });
    const raised = await incident(fault, 180);
    expect(Object.keys(raised)).toContain(named);
    const others = ['table-away', 'secrets-away', 'zitadel-away', 'credential-refused'].filter(
      (name) => name !== named,
    );
    expect(Object.keys(raised).filter((name) => others.includes(name))).toEqual([]);
  });
});

describe('the promise to callers', () => {
  const HOUR_MS = 60 * MINUTE_MS;
  const token = [{ Name: 'FunctionName', Value: { Ref: 'TokenLambdaFunction' } }];
  const METRICS: Readonly<Record<string, Omit<Sample, 'atMs' | 'value'>>> = {
    answered: { Namespace: 'test', MetricName: 'ServerErrors' },
    short: { Namespace: 'test', MetricName: 'LastResort' },
    crashed: { Namespace: 'AWS/Lambda', MetricName: 'Errors', Dimensions: token },
    throttled: { Namespace: 'AWS/Lambda', MetricName: 'Throttles', Dimensions: token },
    invoked: { Namespace: 'AWS/Lambda', MetricName: 'Invocations', Dimensions: token },
  };

  /** The alarms after six hours with so many requests each, of which so many failed in each. */
  function raisedAfter(requests: number, failed: readonly number[], kind: string): readonly string[] {
    const hourly = failed.flatMap((value, hour): Sample[] => {
      const atMs = hour * HOUR_MS + MINUTE_MS;
      const invoked = requests - (kind === 'throttled' ? value : 0);
      return [METRICS.invoked, METRICS[kind]].flatMap((metric, at) =>
        metric === undefined ? [] : [{ ...metric, atMs, value: at === 0 ? invoked : value }],
      );
    });
    const cloudWatch = createCloudWatch(hourly);
    const promises = ALARMS.filter(({ name }) => name.startsWith('promise-'));
    return promises.filter((alarm) => cloudWatch.isRaised(alarm, 6 * HOUR_MS)).map(({ name }) => name);
  }

  const both = ['promise-fast', 'promise-slow'];
  test.each<[requests: number, failed: readonly number[], raised: readonly string[]]>([
    [10, [0, 0, 0, 0, 0, 0], []],
    [10, [0, 0, 0, 0, 0, 1], []],
    [10, [0, 1, 0, 1, 0, 1], []],
    [10, [0, 0, 0, 0, 0, 2], ['promise-fast']],
    [10, [1, 1, 0, 1, 0, 1], ['promise-slow']],
    [10, [0, 0, 0, 0, 0, 10], both],
    [10_000, [0, 0, 0, 0, 0, 72], []],
    [10_000, [0, 0, 0, 0, 0, 73], ['promise-fast']],
    [10_000, [30, 30, 30, 30, 30, 30], []],
    [10_000, [31, 31, 31, 31, 31, 31], ['promise-slow']],
    [10_000, [0, 0, 0, 0, 0, 10_000], both],
    [10_000, [10_000, 0, 0, 0, 0, 0], ['promise-slow']],
  ])('of %i requests an hour, with %o failed: %o', (requests, failed, raised) => {
    for (const kind of ['answered', 'short', 'crashed', 'throttled'])
      expect(raisedAfter(requests, failed, kind)).toEqual(raised);
  });
});
