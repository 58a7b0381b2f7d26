import { answer } from '../answers.ts';
import { atAws, type Given, type Kind, type Means } from './kind.ts';
import { kinds, named, plays, words } from './table.ts';

const says = (body: string, status = 400, lines: readonly string[] = [], type = 'application/x-amz-json-1.1'): Buffer =>
  answer(status, { type, body }, lines);

/** An error as AWS writes it. The message repeats what was sent, which must go no further. */
const awsError =
  (name: string, status = 400) =>
  ({ sent }: Given): Buffer =>
    says(JSON.stringify({ __type: name, message: `no good: ${sent.body}` }), status);

/** Errors by their status, each with what stands before its name. */
const errors = (
  pattern: string,
  means: Means,
  byStatus: Readonly<Record<number, string>>,
  prefix = '',
): readonly Kind[] =>
  Object.entries(byStatus).flatMap(([status, names]) =>
    kinds(pattern, means, (name, given) => awsError(prefix + name, Number(status))(given), words(names)),
  );

/** Errors of Secrets Manager after which the secret stays unusable until an operator acts, and others. */
const UNUSABLE = `ResourceNotFoundException AccessDeniedException InvalidRequestException InvalidParameterException
  DecryptionFailure`;
const PASSING = 'LimitExceededException EncryptionFailure PreconditionNotMetException MalformedPolicyDocumentException';

/** Errors of DynamoDB. A condition that does not hold is not among them: then the row decides. */
const OF_TABLE = `ProvisionedThroughputExceededException ResourceNotFoundException TransactionConflictException
  ItemCollectionSizeLimitExceededException ReplicatedWriteConflictException LimitExceededException
  AccessDeniedException TableNotFoundException ResourceInUseException`;

const DATES = ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'yesterday', ''];

const skewed = (date: string): Buffer => says('{"__type":"RequestTimeTooSkewed"}', 403, [`Date: ${date}`]);

export const awsErrorKinds: readonly Kind[] = [
  // Errors of any service, which pass by themselves or concern the function, not what it asks for.
  ...errors('AWS error: *', atAws('down'), {
    400: `ThrottlingException Throttling RequestLimitExceeded RequestTimeoutException ExpiredTokenException
    UnrecognizedClientException IncompleteSignatureException MissingAuthenticationTokenException
    SerializationException NotAuthorized ValidationException`,
    403: 'InvalidSignatureException RequestTimeTooSkewed OptInRequired',
    404: 'UnknownOperationException',
    408: 'RequestTimeout',
    429: 'TooManyRequestsException',
    500: 'InternalServerError InternalServiceError InternalFailure',
    503: 'SlowDown ServiceUnavailable ServiceUnavailableException',
  }),
  ...errors('error of Secrets Manager: *', { secret: 'unusable' }, { 400: UNUSABLE }),
  ...errors('error of Secrets Manager: *', { secret: 'down' }, { 400: PASSING }),
  ...errors(
    'error of DynamoDB: *',
    { item: 'down', update: 'down' },
    { 400: OF_TABLE },
    'com.amazonaws.dynamodb.v20120810#',
  ),
  // Other ways to name an error, or none.
  ...plays('AWS error: *', atAws('down'), {
    'with a name space': awsError('com.amazon.coral.service#ThrottlingException'),
    'with a link': awsError('ThrottlingException:http://internal.amazon.com/coral/'),
    'in a header': says('{}', 400, ['x-amzn-ErrorType: ThrottlingException']),
    'in a header, with a link': says('{}', 400, ['x-amzn-errortype: ThrottlingException:http://a/']),
    'as a number': says('{"__type":42,"message":42}'),
    'as null': says('{"__type":null}'),
    'as an object': says('{"__type":{"a":1}}'),
    'as __proto__': awsError('__proto__'),
    'as constructor': awsError('constructor'),
    'as toString': awsError('toString', 500),
    'with a line break': awsError('Throttling\r\nException'),
    'with 60,000 characters': awsError('X'.repeat(60_000)),
    'with an escape sequence': awsError('\x1b[31mno'),
    'that is empty': awsError(''),
    'as XML': says('<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>', 400, [], 'text/xml'),
    'as CBOR': answer(400, { type: 'application/cbor', body: Buffer.from('a1665f5f74797065614e', 'hex') }),
    'with no body': says(''),
    'after which to wait an hour': says('{"__type":"ServiceUnavailable"}', 503, ['Retry-After: 3600']),
    'after which to wait for ever': says('{"__type":"SlowDown"}', 503, ['Retry-After: Fri, 31 Dec 9999 23:59:59 GMT']),
    'after which to wait, in milliseconds': says('{}', 503, ['x-amz-retry-after: 999999999']),
  }),
  ...plays(
    'AWS error: *',
    { ...atAws('answer'), secret: 'down' },
    {
      'with a status of 200': says('{"__type":"ThrottlingException","message":"no"}', 200, ['x-amzn-ErrorType: a']),
    },
  ),
  ...kinds('AWS error: the clock is wrong, it is "*"', atAws('down'), skewed, named(DATES)),
];
