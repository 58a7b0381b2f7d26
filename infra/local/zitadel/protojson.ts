import { JsonFault, type Node, parseJson } from './json-tree.ts';
import { type Field, type Input, isMessage, type Message } from './messages.ts';
import { parseTimestamp } from './timestamps.ts';

/** What is wrong with a message, in the words of Go's protojson. */
export class ProtoFault extends Error {}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]|(?:null|true|false|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![-+.\w])/y;
const WORD = /[-+.\w]+|./uy;

const textName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function readUint({ raw }: Node, largest: number): number | undefined {
  const digits = /^"?(\d+(?:\.\d+)?(?:[eE]\+?\d+)?)"?$/.exec(raw)?.[1];
  return Number.isInteger(Number(digits)) && Number(digits) <= largest ? Number(digits) : undefined;
}

/** Base64 of either alphabet; the padding may be left out. */
function readBytes(text: string): Buffer | undefined {
  const encoded = text.replace(/[\r\n]/g, '');
  const alphabet = /[-_]/.test(encoded) ? /^[\w-]*={0,2}$/ : /^[A-Za-z\d+/]*={0,2}$/;
  const isWhole = encoded.includes('=') ? encoded.length % 4 === 0 : encoded.length % 4 !== 1;
  return isWhole && alphabet.test(encoded) ? Buffer.from(encoded, 'base64') : undefined;
}

/** Where a place is, in lines and characters. */
function position(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n');
  return `(line ${lines.length}:${[...(lines.at(-1) ?? '')].length + 1}): `;
}

function syntaxFault(text: string, at: number, context: string): ProtoFault {
  if (at >= text.length || context === 'in string literal') return new ProtoFault('proto: unexpected EOF');
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const token = match(TOKEN);
  const said = token === undefined ? `invalid value ${match(WORD)}` : `unexpected token ${token}`;
  const isColonMissing = context === 'after object key';
  const reason = isColonMissing ? `unexpected character ${text[at]}, missing ":" after field name` : said;
  return new ProtoFault(`proto: syntax error ${position(text, at)}${reason}`);
}

function parse(text: string): Node {
  try {
    const { root, end } = parseJson(text);
    if (end < text.length) throw syntaxFault(text, end, '');
    return root;
  } catch (error) {
    throw error instanceof JsonFault ? syntaxFault(text, error.start, error.message) : error;
  }
}

/**
 * Reads a message. Fields that it does not know are skipped, and null is as absent.
 * @throws {ProtoFault}
 */
export function readMessage(text: string, message: Message): Input {
  const fail = ({ at }: Node, said: string): never => {
    throw new ProtoFault(`proto: ${position(text, at)}${said}`);
  };
  const expect = (node: Node, kind: Node['kind']): void => {
    if (node.kind !== kind) throw syntaxFault(text, node.at, '');
  };

  function readTimestamp(node: Node): number {
    expect(node, 'string');
    const ms = parseTimestamp(JSON.parse(node.raw) as string);
    if (ms === 'invalid') return fail(node, `invalid google.protobuf.Timestamp value ${node.raw}`);
    if (ms === 'out of range') return fail(node, `google.protobuf.Timestamp value out of range: ${node.raw}`);
    return ms;
  }

  function readValue(name: string, kind: Field['kind'], node: Node): unknown {
    if (isMessage(kind)) return readFields(kind, node);
    if (kind === 'timestamp') return readTimestamp(node);
    const said = node.kind === 'string' ? (JSON.parse(node.raw) as string) : undefined;
    const readers = {
      string: () => said,
      bytes: () => (said === undefined ? undefined : readBytes(said)),
      bool: () => (node.kind === 'boolean' ? node.raw === 'true' : undefined),
      uint32: () => readUint(node, 2 ** 32 - 1),
      uint64: () => readUint(node, 2 ** 64),
      // A name that is unknown counts as the first.
      enum: () => (said === undefined ? readUint(node, 2 ** 31 - 1) : Math.max(0, kind.indexOf(said))),
    };
    const type = typeof kind === 'string' ? kind : 'enum';
    return readers[type]() ?? fail(node, `invalid value for ${type} field ${name}: ${node.raw}`);
  }

  function readFields({ fields, oneof }: Message, node: Node): Input {
    expect(node, 'object');
    const input: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (const { name: key = node, value } of node.members) {
      const said = JSON.parse(key.raw) as string;
      const [name, field] = Object.entries(fields).find(([known]) => [known, textName(known)].includes(said)) ?? [];
      if (name === undefined || field === undefined) continue;
      if (seen.has(name)) fail(key, `duplicate field ${key.raw}`);
      seen.add(name);
      if (value.kind === 'null') continue;
      if (oneof !== undefined && Object.keys(input).length > 0) {
        fail(key, `error parsing ${key.raw}, oneof ${oneof} is already set`);
      }
      if (field.isList === true) expect(value, 'array');
      const read = (element: Node) => readValue(name, field.kind, element);
      input[name] = field.isList === true ? value.members.map((element) => read(element.value)) : read(value);
    }
    return input;
  }

  return readFields(message, parse(text));
}
