import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alarmsOf, alarmsThat } from './alarms.ts';
import type { Rule } from './essentials.ts';
import type { Json, Template } from './packaged.ts';

const root = join(import.meta.dirname, '../../..');

/** The words in code in the first column of the tables of a part of docs/operating.md. */
function rowsOf(heading: string): ReadonlySet<string> {
  const parts = readFileSync(join(root, 'docs/operating.md'), 'utf8').split(/^## /m);
  const part = parts.find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const cells = [...part.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell);
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)));
}

/** The alarms that docs/runbooks.md has sections for, by the anchors of its part on alarms. */
export function runbookAnchors(text = readFileSync(join(root, 'docs/runbooks.md'), 'utf8')): readonly string[] {
  const part = text.split(/^## /m).find((its) => its.startsWith('Alarms\n')) ?? '';
  return [...part.matchAll(/^### ([\w-]+)$|<a id="([\w-]+)">/gm)].map(([, heading, id]) => heading ?? id ?? '');
}

/** The part of an alarm's name that no other stage has. */
function suffixOf({ Resources }: Template, { AlarmName }: Json): string {
  const one = Object.values(Resources).find(({ Type }) => Type === 'AWS::Lambda::Function');
  const prefix = String(one?.Properties.FunctionName).replace(/[a-z]+$/, '');
  return String(AlarmName).replace(prefix, '');
}

/** The rows of docs/operating.md that may be an alarm's: the functions share those that each of them has. */
const rowsFor = (template: Template, alarm: Json): readonly string[] => {
  const suffix = suffixOf(template, alarm);
  return [suffix, suffix.replace(/^[a-z]+(?=-(errors|throttles)$)/, '{function}'), runbookOf(alarm).anchor];
};

/** The fields of the log that a text names. */
const fieldsIn = (text: string): readonly string[] =>
  [...text.matchAll(/the fields? (\w+(?:(?:, | or | and )\w+)*)/g)].flatMap(([, words = '']) =>
    words.split(/, | or | and /),
  );

/** The address that ends an alarm's description: of its section in the runbooks. */
function runbookOf({ AlarmDescription }: Json): {
  readonly text: string;
  readonly url: string;
  readonly anchor: string;
} {
  const [, text = '', url = '', anchor = ''] = /^(.*) (\S+)#([\w-]+)$/s.exec(String(AlarmDescription ?? '')) ?? [];
  return { text, url, anchor };
}

const LONGEST = 240;

/** What is read at night: no longer than it must be, with fields that the log has, and where to read on. */
function isReadable(alarm: Json): boolean {
  const { text, url } = runbookOf(alarm);
  const known = rowsOf('Log');
  return text !== '' && text.length <= LONGEST && url !== '' && fieldsIn(text).every((field) => known.has(field));
}

/** A profile has alarms of its own, whose sections are those of the alarms on all profiles. */
function isOfAlarm(template: Template, alarm: Json): boolean {
  const { anchor } = runbookOf(alarm);
  const [dimension] = (alarm.Dimensions ?? []) as readonly { readonly Name: string; readonly Value: unknown }[];
  const own = dimension?.Name === 'profile' ? `${anchor}-${dimension.Value}` : anchor;
  return suffixOf(template, alarm) === own && runbookAnchors().includes(anchor);
}

/** What is said about the alarms, in themselves, in docs/operating.md and in docs/runbooks.md. */
export const HANDBOOK: readonly Rule[] = [
  {
    name: 'every alarm says what is wrong and where to look',
    complaints: (template) => alarmsThat(template, isReadable),
  },
  {
    name: 'docs/operating.md names every alarm',
    complaints: (template) => {
      const rows = rowsOf('Alarms');
      return alarmsThat(template, (alarm) => rowsFor(template, alarm).some((row) => rows.has(row)));
    },
  },
  {
    name: 'an alarm ends in the address of its runbook',
    complaints: (template) => alarmsThat(template, (alarm) => isOfAlarm(template, alarm)),
  },
  {
    name: 'every runbook of an alarm has its alarm',
    complaints: (template) => {
      const suffixes = alarmsOf(template).map(([, alarm]) => suffixOf(template, alarm));
      const isHere = (anchor: string) =>
        (template.Resources.TokenAlias !== undefined || !anchor.startsWith('token-shift-')) &&
        (template.Resources.FederatedLambdaFunction !== undefined || !/^(?:federated|issuer)-/.test(anchor));
      const wanted = runbookAnchors().filter(isHere);
      return wanted.filter((anchor) => !suffixes.includes(anchor));
    },
  },
];
