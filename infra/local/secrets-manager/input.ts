import { type Answer, answered, refused } from './answer.ts';
import type { RotationRules } from './schedule.ts';

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
  readonly RotationLambdaARN?: string;
  readonly RotationRules?: RotationRules;
  readonly RotateImmediately?: boolean;
  readonly IncludeDeprecated?: boolean;
}

type IsType = (value: unknown) => boolean;

const isString: IsType = (value) => typeof value === 'string';
const isBoolean: IsType = (value) => typeof value === 'boolean';

/** Whether `value` is an object whose members, where present, have these types. */
const isObject =
  (types: Readonly<Record<string, IsType>>) =>
  (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(types).every(([name, isType]) => {
      const member = (value as Record<string, unknown>)[name];
      return member === undefined || isType(member);
    });

const isRules = isObject({
  AutomaticallyAfterDays: (value) => typeof value === 'number',
  ScheduleExpression: isString,
  Duration: isString,
} satisfies Record<keyof RotationRules, IsType>);

const isInput = isObject({
  SecretId: isString,
  Name: isString,
  Description: isString,
  ClientRequestToken: isString,
  SecretString: isString,
  SecretBinary: isString,
  VersionId: isString,
  VersionStage: isString,
  VersionStages: Array.isArray,
  MoveToVersionId: isString,
  RemoveFromVersionId: isString,
  RotationLambdaARN: isString,
  RotationRules: isRules,
  RotateImmediately: isBoolean,
  IncludeDeprecated: isBoolean,
} satisfies Record<keyof Input, IsType>);

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
  try {
    // A null member counts as absent.
    const json: unknown = JSON.parse(body, (_, value) => value ?? undefined);
    return isInput(json) ? answered(json as Input) : malformed;
  } catch {
    return malformed;
  }
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
