import { type AwsContext, checkOf, compare, compareFound, DEPLOY, furtherOf } from './aws-context.ts';
import { type Check, fault, warning } from './finding.ts';

/** Who learns of faults, and what runs by itself. */
export const WATCH_CHECKS: readonly Check<AwsContext>[] = [
  checkOf(
    'ZTB241',
    'alarms',
    'there and enabled',
    ({ alarms }) => alarms,
    (alarms, { expected }) =>
      compare(
        expected?.alarms,
        alarms,
        ({ name }) => name,
        ({ name, isEnabled }) =>
          isEnabled
            ? []
            : [fault(name, 'tells nobody: its actions are disabled', 'aws cloudwatch enable-alarm-actions')],
      ),
  ),
  furtherOf(
    'ZTB242',
    'topic of the alarms',
    'every alarm has one',
    ({ alarms }) => alarms,
    (alarms) => {
      const silent = alarms.filter(({ topics }) => topics.length === 0).map(({ name }) => name);
      if (silent.length === 0) return [];
      const isAll = silent.length === alarms.length;
      const todo = 'set the parameter alarmTopicArn, and deploy again';
      return [warning(isAll ? 'alarms' : silent.join(', '), 'tell nobody: they have no topic', todo)];
    },
  ),
  checkOf(
    'ZTB243',
    'subscribers of the alarms',
    'confirmed',
    ({ topics }) => topics,
    (topics) =>
      topics.flatMap(({ arn, confirmed, pending }) => {
        if (confirmed > 0) return [];
        return pending > 0
          ? [
              fault(
                arn,
                'has no confirmed subscriber, but one that has not confirmed',
                'open the mail of AWS, and confirm',
              ),
            ]
          : [fault(arn, 'has no subscriber: nobody hears of alarms', 'subscribe someone: aws sns subscribe')];
      }),
  ),
  furtherOf(
    'ZTB244',
    'state of the alarms',
    'none fires',
    ({ alarms }) => alarms,
    (alarms) =>
      alarms
        .filter(({ state }) => state === 'ALARM')
        .map(({ name }) => warning(name, 'fires', 'its description says what to do first')),
  ),
  checkOf(
    'ZTB245',
    'rules',
    'enabled',
    ({ rules }) => rules,
    (rules, { expected }) =>
      compare(
        expected?.rules,
        rules,
        ({ id }) => id,
        ({ id, isEnabled }) =>
          isEnabled ? [] : [fault(id, 'is disabled: tokens are not renewed ahead', 'aws events enable-rule')],
      ),
  ),
  furtherOf(
    'ZTB246',
    'targets of the rules',
    'as packaged',
    ({ rules }) => rules,
    (rules, { expected }) =>
      compareFound(
        expected?.rules,
        rules,
        ({ id }) => id,
        (actual, { id, targets }) => {
          const lost = targets.filter((target) => !actual.targets.includes(target));
          return lost.length === 0 ? [] : [fault(id, `does not call ${lost.join(', ')}`, DEPLOY)];
        },
      ),
  ),
  furtherOf(
    'ZTB247',
    'schedule of prewarm',
    'as packaged',
    ({ rules }) => rules,
    (rules, { expected }) =>
      compareFound(
        expected?.rules,
        rules,
        ({ id }) => id,
        (actual, { id, schedule }) =>
          actual.schedule === schedule ? [] : [warning(id, `runs ${actual.schedule}; packaged is ${schedule}`, DEPLOY)],
      ),
  ),
];
