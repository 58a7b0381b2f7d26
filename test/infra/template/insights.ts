/** A line of the log, or a row of a result, by the names of its fields. */
export type Row = Readonly<Record<string, unknown>>;

/** The members of a line as CloudWatch Logs Insights names them: `error.kind`, `failed.0.profile`. */
function flatten(value: unknown, path = ''): Row {
  if (typeof value !== 'object' || value === null) return { [path]: value };
  const parts = Object.entries(value).map(([name, part]) => flatten(part, path === '' ? name : `${path}.${name}`));
  return Object.assign({}, ...parts);
}

/** A line with the time that Insights gives it. */
function read(line: string): Row {
  const { _aws, time, ...members } = JSON.parse(line);
  return { '@timestamp': _aws?.Timestamp ?? time, ...flatten(members) };
}

type Condition = (row: Row) => boolean;

const FIELD = String.raw`[@\w]+(?:\.\w+)*`;
const COMPARISON = new RegExp(String.raw`^(${FIELD}) (=|>=|like) (?:"([^"]*)"|(\d+))$`);
const PRESENCE = new RegExp(String.raw`^ispresent\((${FIELD})\)$`);

function parseTerm(text: string): Condition {
  const [, present] = PRESENCE.exec(text) ?? [];
  if (present !== undefined) return (row) => row[present] !== undefined;
  const [, field = '', operator, quoted, number] = COMPARISON.exec(text) ?? [];
  if (operator === '>=' && number !== undefined) return (row) => Number(row[field]) >= Number(number);
  if (operator === '=' && quoted !== undefined) return (row) => row[field] === quoted;
  if (operator === 'like' && quoted !== undefined) return (row) => String(row[field] ?? '').includes(quoted);
  throw new Error(`not of the subset: ${text}`);
}

/** `or` binds weaker than `and`; there are no parentheses. */
function parseCondition(text: string): Condition {
  const either = text.split(' or ').map((part) => part.split(' and ').map(parseTerm));
  return (row) => either.some((terms) => terms.every((isTrue) => isTrue(row)));
}

const AGGREGATES: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  avg: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
};

function aggregate(text: string): (rows: readonly Row[]) => Row {
  const [, name = '', field = '', alias = ''] = /^(\w+)\((\*|[^)]+)\) as (\w+)$/.exec(text) ?? [];
  if (name === 'count' && field === '*') return (rows) => ({ [alias]: rows.length });
  const of = AGGREGATES[name];
  if (of === undefined) throw new Error(`not of the subset: ${text}`);
  return (rows) => ({ [alias]: of(rows.flatMap((row) => (row[field] === undefined ? [] : [Number(row[field])]))) });
}

const pick = (row: Row, names: readonly string[]): Row =>
  Object.fromEntries(names.flatMap((name) => (row[name] === undefined ? [] : [[name, row[name]]])));

function summarize(text: string, rows: readonly Row[]): readonly Row[] {
  const [values = '', keys = ''] = text.split(' by ');
  const aggregates = values.split(', ').map(aggregate);
  const groups = Map.groupBy(rows, (row) => JSON.stringify(pick(row, keys.split(', '))));
  return [...groups].map(([key, of]) => Object.assign(JSON.parse(key), ...aggregates.map((make) => make(of))));
}

function sort(text: string, rows: readonly Row[]): readonly Row[] {
  const [field = '', direction] = text.split(' ');
  const sign = direction === 'desc' ? -1 : 1;
  return rows.toSorted((a, b) => sign * (Number(a[field]) - Number(b[field])));
}

/** Runs a query over lines of the log: the subset of the language that infra/queries.yml uses, and nothing else. */
export function runQuery(query: string, lines: readonly string[], parameters: Readonly<Record<string, string>> = {}) {
  const text = query.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    if (parameters[name] === undefined) throw new Error(`the parameter ${name} is missing`);
    return parameters[name];
  });
  let rows: readonly Row[] = lines.map(read);
  let shown: readonly string[] | undefined;
  for (const command of text.trim().split(/\s*\n\| /)) {
    const [, verb, rest = ''] = /^(\w+) (.+)$/.exec(command) ?? [];
    if (verb === 'fields') shown = rest.split(', ');
    else if (verb === 'filter') rows = rows.filter(parseCondition(rest));
    else if (verb === 'stats') rows = summarize(rest, rows);
    else if (verb === 'sort') rows = sort(rest, rows);
    else if (verb === 'limit') rows = rows.slice(0, Number(rest));
    else throw new Error(`not of the subset: ${command}`);
  }
  return shown === undefined ? rows : rows.map((row) => pick(row, shown));
}

const WORDS = ['fields', 'filter', 'stats', 'by', 'or', 'and', 'like', 'sort', 'asc', 'desc', 'limit'];

/** The fields of lines that a query names, but not the names that it gives itself. */
export function fieldsOf(query: string): readonly string[] {
  const bare = query.replaceAll(/"[^"]*"|\b\w+(?=\()| as \w+|^\| sort \S+/gm, ' ');
  const names = [...bare.matchAll(new RegExp(FIELD, 'g'))].map(([name]) => name);
  return names.filter((name) => !/^\d+$/.test(name) && !WORDS.includes(name));
}
