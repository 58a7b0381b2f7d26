import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alarmsThat } from './alarms.ts';
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

/** The rows that may be an alarm's: the functions share those that each of them has. */
function rowsFor({ Resources }: Template, { AlarmName }: Json): readonly string[] {
  const name = String(AlarmName);
  const functions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  const names = functions.map(({ Properties }) => String(Properties.FunctionName));
  const own = names.find((its) => name.startsWith(`${its}-`));
  const prefix = names[0]?.replace(/[a-z]+$/, '') ?? '';
  return [name.replace(prefix, ''), ...(own === undefined ? [] : [name.replace(own, '{function}')])];
}

/** The fields of the log that a text names. */
const fieldsIn = (text: string): readonly string[] =>
  [...text.matchAll(/the fields? (\w+(?:(?:, | or | and )\w+)*)/g)].flatMap(([, words = '']) =>
    words.split(/, | or | and /),
  );

const LONGEST = 220;

/** What is read at night: no longer than it must be, with a field of the log, a log group or a part of the handbook. */
function isReadable({ AlarmDescription }: Json): boolean {
  const text = String(AlarmDescription ?? '');
  const fields = fieldsIn(text);
  const known = rowsOf('Log');
  const tellsWhere = fields.length > 0 || /\/aws\/|docs\/operating\.md, Alarms/.test(text);
  return text.length <= LONGEST && tellsWhere && fields.every((field) => known.has(field));
}

/** What is said about the alarms, in themselves and in docs/operating.md. */
export const HANDBOOK: readonly Rule[] = [
  {
    name: 'every alarm says what is wrong and where to look',
    complaints: (template) => alarmsThat(template, isReadable),
  },
  {
    name: 'docs/operating.md says of every alarm what to do first',
    complaints: (template) => {
      const rows = rowsOf('Alarms');
      return alarmsThat(template, (alarm) => rowsFor(template, alarm).some((row) => rows.has(row)));
    },
  },
];
