/** A field of a message; `rule` is the rule for its value. */
export interface Field {
  readonly kind: 'string' | 'bytes' | 'uint32' | 'uint64' | 'bool' | 'timestamp' | readonly string[] | Message;
  readonly isList?: boolean;
  readonly rule?: keyof typeof RULES;
}

/** A message of protobuf, by the JSON names of its fields in the order of their numbers. */
export interface Message {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
  /** The full name of the group of which one field must be set, and no more. */
  readonly oneof?: string;
}

/** The content of a message: bytes are a Buffer, times epoch milliseconds, enums their number. */
export type Input = Readonly<Record<string, unknown>>;

/** Whether a field holds a message. */
export const isMessage = (kind: Field['kind']): kind is Message => typeof kind === 'object' && 'fields' in kind;

const goName = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
const runes = (value: unknown): number => [...String(value ?? '')].length;

/** A rule for a field: the check, and the message if it fails. */
const RULES = {
  required: [(value: unknown) => value !== undefined, 'value is required'],
  id: [
    (value: unknown) => runes(value) >= 1 && runes(value) <= 200,
    'value length must be between 1 and 200 runes, inclusive',
  ],
  short: [(value: unknown) => runes(value) <= 200, 'value length must be at most 200 runes'],
} as const;

/** The first fault of a message's content, in the wording of protoc-gen-validate. */
export function faultOf({ name, fields, oneof }: Message, input: Input): string | undefined {
  for (const [member, { kind, rule }] of Object.entries(fields)) {
    const at = `invalid ${name}.${goName(member)}`;
    const value = input[member];
    const [isMet, said] = rule === undefined ? [() => true, ''] : RULES[rule];
    if (!isMet(value)) return `${at}: ${said}`;
    if (!isMessage(kind) || value === undefined) continue;
    const faults = [value].flat().map((element) => faultOf(kind, element as Input));
    const index = faults.findIndex((fault) => fault !== undefined);
    const cause = `embedded message failed validation | caused by: ${faults[index]}`;
    if (index >= 0) return `${at}${Array.isArray(value) ? `[${index}]` : ''}: ${cause}`;
  }
  const isMissing = oneof !== undefined && Object.keys(input).length === 0;
  return isMissing ? `invalid ${name}.${goName(oneof.split('.').at(-1) ?? '')}: value is required` : undefined;
}
