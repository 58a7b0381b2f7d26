import { type Answer, answered, refused } from './answer.ts';

/** The content of one version: text as sent, or bytes as base64. */
export type SecretValue = { readonly SecretString: string } | { readonly SecretBinary: string };

/** The members of a request that these operations read. Others are ignored, as AWS ignores unknown members. */
export interface Input {
  readonly SecretId?: string;
  readonly Name?: string;
  readonly Description?: string;
  readonly ClientRequestToken?: string;
  readonly SecretString?: string;
  readonly SecretBinary?: string;
  readonly VersionId?: string;
  readonly VersionStage?: string;
  readonly VersionStages?: readonly string[];
  readonly MoveToVersionId?: string;
  readonly RemoveFromVersionId?: string;
}

const STRINGS = [
  'SecretId',
  'Name',
  'Description',
  'ClientRequestToken',
  'SecretString',
  'SecretBinary',
  'VersionId',
  'VersionStage',
  'MoveToVersionId',
  'RemoveFromVersionId',
] as const satisfies readonly (keyof Input)[];

// The API model's limit for both SecretString and SecretBinary.
const MAX_VALUE_BYTES = 65_536;

const SECRET_NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;

function isLabels(value: unknown): value is readonly string[] {
  const isLabel = (item: unknown) => typeof item === 'string' && item.length >= 1 && item.length <= 256;
  return Array.isArray(value) && value.length >= 1 && value.length <= 20 && value.every(isLabel);
}

/** Parses a request body. SerializationException if it is not a JSON object or a member has the wrong type. */
export function parseInput(body: string): Answer<Input> {
  const malformed = refused('SerializationException', 'The request body could not be read as JSON of this operation.');
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return malformed;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return malformed;
  // A null member counts as absent.
  const members = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
  for (const name of STRINGS) {
    if (members[name] !== undefined && typeof members[name] !== 'string') return malformed;
  }
  if (members.VersionStages !== undefined && !Array.isArray(members.VersionStages)) return malformed;
  return answered(members as Input);
}

/** The value in the input, or `undefined` if there is none. InvalidParameterException for two, or an invalid one. */
export function parseValue({ SecretString, SecretBinary }: Input): Answer<SecretValue | undefined> {
  const invalid = (message: string) => refused('InvalidParameterException', message);
  if (SecretString !== undefined && SecretBinary !== undefined) {
    return invalid("You can't specify both a binary secret value and a string secret value in the same secret.");
  }
  if (SecretString !== undefined) {
    const bytes = Buffer.byteLength(SecretString);
    if (bytes < 1 || bytes > MAX_VALUE_BYTES) return invalid('The secret value must be 1 to 65536 bytes long.');
    return answered({ SecretString });
  }
  if (SecretBinary === undefined) return answered(undefined);
  const bytes = Buffer.from(SecretBinary, 'base64');
  if (bytes.toString('base64') !== SecretBinary) return invalid('SecretBinary must be base64.');
  if (bytes.length < 1 || bytes.length > MAX_VALUE_BYTES) {
    return invalid('The secret value must be 1 to 65536 bytes long.');
  }
  return answered({ SecretBinary });
}

/** Checks the lengths and alphabets that the API model sets. InvalidParameterException names the member. */
export function checkShape(input: Input): Answer<Input> {
  const invalid = (message: string) => refused('InvalidParameterException', message);
  for (const name of ['ClientRequestToken', 'VersionId', 'MoveToVersionId', 'RemoveFromVersionId'] as const) {
    const length = input[name]?.length ?? 32;
    if (length < 32 || length > 64) return invalid(`${name} must be 32 to 64 characters long.`);
  }
  const label = input.VersionStage;
  if (label !== undefined && !isLabels([label])) return invalid('VersionStage must be 1 to 256 characters long.');
  if (input.VersionStages !== undefined && !isLabels(input.VersionStages)) {
    return invalid('VersionStages must be 1 to 20 staging labels of 1 to 256 characters.');
  }
  if (input.Name !== undefined && !SECRET_NAME.test(input.Name)) {
    return invalid('Invalid name. Must be a valid name containing alphanumeric characters, or any of: -/_+=.@');
  }
  return answered(input);
}
