import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type YAMLParseError } from 'yaml';

type Path = readonly (string | number)[];

/** A document in YAML (or JSON), with anchors, aliases and merge keys. */
export interface YamlDocument {
  readonly value: unknown;
  /** `line:column` of the deepest existing part of a path: a missing field is where it belongs. */
  readonly placeOf: (path: Path) => string;
}

/** A fault in the words of the file's author, not of the parser's functions. */
export interface YamlFault {
  /** `line:column` */
  readonly place: string;
  /** May quote the file. */
  readonly problem: string;
  /** The same without a word of the file. */
  readonly kind: string;
}

const isMerge = (key: unknown): boolean => key === '<<' || (typeof key === 'symbol' && key.description === '<<');

/** A key at the start of a text, in the spelling of the file. */
const KEY = /^(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\n]*?(?=\s*:(?:\s|$))|[^:,\n]*)/;

function explain({ code, pos: [at], message }: YAMLParseError, text: string): Omit<YamlFault, 'place'> {
  if (code === 'DUPLICATE_KEY') {
    const [key = ''] = KEY.exec(text.slice(at)) ?? [];
    return { problem: `${key} is there twice; keep one of them`, kind: 'this name is there twice' };
  }
  const kind = 'is not valid JSON';
  if (code === 'MULTIPLE_DOCS') return { problem: 'begins another document (---); keep one', kind };
  return { problem: message.split('\n')[0] ?? code, kind };
}

/**
 * Reads one document.
 * @returns every fault at once, if it has some
 */
export function readYaml(text: string): { ok: true; value: YamlDocument } | { ok: false; error: readonly YamlFault[] } {
  const lines = new LineCounter();
  const yaml = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    merge: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${line}:${col}`;
  };
  const faults: YamlFault[] = yaml.errors.map((error) => ({ place: place(error.pos[0]), ...explain(error, text) }));
  const add = (node: unknown, problem: string, kind: string) =>
    faults.push({ place: place((node as { range?: [number] }).range?.[0] ?? 0), problem, kind });
  const resolved = (node: unknown) => (isAlias(node) ? node.resolve(yaml) : node);
  // What the parser finds only when it builds the values, without a place.
  if (faults.length === 0) {
    visit(yaml, {
      Alias(_key, alias, ancestors) {
        const target = alias.resolve(yaml);
        if (target === undefined) {
          add(alias, `*${alias.source} names nothing: put &${alias.source} before it`, 'this alias names nothing');
        } else if (ancestors.includes(target)) {
          add(alias, `*${alias.source} is within what it names`, 'this alias is within what it names');
        }
      },
      Pair(_key, { key, value }) {
        if (!isScalar(key) || !isMerge(key.value)) return;
        const list = resolved(value);
        const sources = isSeq(list) ? list.items.map(resolved) : [list];
        if (sources.some((source) => source !== undefined && !isMap(source))) {
          add(key, '<< takes a mapping, or a list of mappings', '<< takes a mapping');
        }
      },
    });
  }
  if (faults.length > 0) return { ok: false, error: faults };
  const placeOf = (path: Path): string => {
    for (let length = path.length; length > 0; length -= 1) {
      const node = yaml.getIn(path.slice(0, length), true);
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      if (range) return place(range[0]);
    }
    return place(yaml.contents?.range?.[0] ?? 0);
  };
  try {
    return { ok: true, value: { value: yaml.toJS(), placeOf } };
  } catch {
    const problem = 'its aliases stand for too much';
    return { ok: false, error: [{ place: '1:1', problem, kind: problem }] };
  }
}
