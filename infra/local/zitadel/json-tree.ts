/** A value of JSON with its place in the text. */
export interface Node {
  readonly kind: 'null' | 'boolean' | 'number' | 'string' | 'object' | 'array';
  readonly at: number;
  /** A token of the text; of an object or an array the mark that opens it. */
  readonly raw: string;
  /** Members of an object, or the elements of an array, which have no name. */
  readonly members: readonly { readonly name?: Node; readonly value: Node }[];
}

/** Where a text stops being valid JSON, where the broken token starts, and the message. */
export class JsonFault extends Error {
  readonly at: number;
  readonly start: number;
  constructor(at: number, start: number, context: string) {
    super(context);
    this.at = at;
    this.start = start;
  }
}

const CHARACTERS = String.raw`"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*`;
const WORDS = ['true', 'false', 'null'];
const ATOM = new RegExp(
  String.raw`${CHARACTERS}"|${WORDS.join('|')}|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`,
  'uy',
);
const STRING = new RegExp(`${CHARACTERS}"`, 'uy');
const UNFINISHED_STRING = new RegExp(CHARACTERS, 'uy');
const SPACE = /[ \t\r\n]*/y;

const BEFORE_KEY = 'looking for beginning of object key string';
const KINDS: Readonly<Record<string, Node['kind']>> = { '"': 'string', n: 'null', t: 'boolean', f: 'boolean' };

/**
 * Reads the first value of a text and says where it ends.
 * @throws {JsonFault}
 */
export function parseJson(text: string): { readonly root: Node; readonly end: number } {
  let next = 0;
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = next;
    const [found = ''] = pattern.exec(text) ?? [];
    next += found.length;
    return found;
  };
  const takeIf = (mark: string): boolean => {
    match(SPACE);
    const isThere = text[next] === mark;
    if (isThere) next += 1;
    return isThere;
  };
  const fail = (context: string, start = next): never => {
    throw new JsonFault(next, start, context);
  };

  function readMembers(close: string, after: string): Node['members'] {
    const members: { name?: Node; value: Node }[] = [];
    if (takeIf(close)) return members;
    for (;;) {
      match(SPACE);
      const at = next;
      const raw = close === '}' ? match(STRING) : '';
      if (close === '}' && raw === '') failAtom(BEFORE_KEY);
      if (close === '}' && !takeIf(':')) fail('after object key');
      const value = readValue();
      members.push(raw === '' ? { value } : { name: { kind: 'string', at, raw, members: [] }, value });
      if (takeIf(close)) return members;
      if (!takeIf(',')) fail(after);
    }
  }

  /** Fails within a string, a number or a word if one has started. */
  function failAtom(otherwise: string): never {
    const start = next;
    if (match(UNFINISHED_STRING) !== '') return fail('in string literal', start);
    if (otherwise !== BEFORE_KEY && match(/-/y) !== '') return fail('in numeric literal', start);
    const word = otherwise === BEFORE_KEY ? undefined : WORDS.find(([first]) => first === text[next]);
    if (word === undefined) return fail(otherwise);
    const length = [...word].findIndex((letter, index) => text[next + index] !== letter);
    next += length;
    return fail(`in literal ${word} (expecting '${word[length]}')`, start);
  }

  function readValue(): Node {
    match(SPACE);
    const at = next;
    const mark = text[at];
    if (mark === '{' || mark === '[') {
      next += 1;
      const isObject = mark === '{';
      const members = isObject
        ? readMembers('}', 'after object key:value pair')
        : readMembers(']', 'after array element');
      return { kind: isObject ? 'object' : 'array', at, raw: mark, members };
    }
    const raw = match(ATOM);
    if (raw === '') return failAtom('looking for beginning of value');
    const kind = KINDS[raw.charAt(0)] ?? 'number';
    return { kind, at, raw, members: [] };
  }

  const root = readValue();
  match(SPACE);
  return { root, end: next };
}

/** What is wrong, in the wording of Go's encoding/json. */
export function goFault(text: string, { at, message }: JsonFault): string {
  const character = text[at];
  if (character === undefined) return 'unexpected EOF';
  const [byte = 0] = Buffer.from(character);
  const quoted = JSON.stringify(String.fromCharCode(byte)).slice(1, -1).replace('\\u00', '\\x');
  return `invalid character '${{ "'": "\\'", '"': '"' }[character] ?? quoted}' ${message}`;
}
