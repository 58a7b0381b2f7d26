import { answer, say } from '../play.ts';
import { atAws, type Kind, kind, type Meaning } from './kind.ts';

const TYPE = 'application/x-amz-json-1.1';

/** An error as AWS writes it; the message repeats what was sent, which must go no further. */
const awsError =
  (name: string, status: number): Kind['play'] =>
  ({ sent }) => [
    say(answer(status, { type: TYPE, body: JSON.stringify({ __type: name, message: `no good: ${sent.body}` }) })),
  ];

/** Errors of any service, which pass by themselves or are a matter of the function, not of what it asks for. */
const COMMON: Readonly<Record<string, number>> = {
  ThrottlingException: 400,
  Throttling: 400,
  TooManyRequestsException: 429,
  RequestLimitExceeded: 400,
  SlowDown: 503,
  InternalServerError: 500,
  InternalServiceError: 500,
  InternalFailure: 500,
  ServiceUnavailable: 503,
  ServiceUnavailableException: 503,
  RequestTimeout: 408,
  RequestTimeoutException: 400,
  ExpiredTokenException: 400,
  UnrecognizedClientException: 400,
  InvalidSignatureException: 403,
  IncompleteSignatureException: 400,
  MissingAuthenticationTokenException: 400,
  RequestTimeTooSkewed: 403,
  SerializationException: 400,
  UnknownOperationException: 404,
  NotAuthorized: 400,
  OptInRequired: 403,
  ValidationException: 400,
};
const common = Object.entries(COMMON).map(([name, status]) =>
  kind(`AWS error: ${name}`, atAws('down'), awsError(name, status)),
);

/** Errors of Secrets Manager. */
const OF_SECRETS: Readonly<Record<string, readonly [status: number, means: Meaning]>> = {
  ResourceNotFoundException: [400, 'unusable'],
  AccessDeniedException: [400, 'unusable'],
  InvalidRequestException: [400, 'unusable'],
  InvalidParameterException: [400, 'unusable'],
  DecryptionFailure: [400, 'unusable'],
  LimitExceededException: [400, 'down'],
  EncryptionFailure: [400, 'down'],
  PreconditionNotMetException: [400, 'down'],
  MalformedPolicyDocumentException: [400, 'down'],
};
const ofSecrets = Object.entries(OF_SECRETS).map(([name, [status, means]]) =>
  kind(`error of Secrets Manager: ${name}`, { secret: means }, awsError(name, status)),
);

/** Errors of DynamoDB. A condition that does not hold is none of them: the row tells what then. */
const OF_TABLE: Readonly<Record<string, number>> = {
  ProvisionedThroughputExceededException: 400,
  ResourceNotFoundException: 400,
  ItemCollectionSizeLimitExceededException: 400,
  TransactionConflictException: 400,
  ReplicatedWriteConflictException: 400,
  LimitExceededException: 400,
  AccessDeniedException: 400,
  TableNotFoundException: 400,
  ResourceInUseException: 400,
};
const ofTable = Object.entries(OF_TABLE).map(([name, status]) =>
  kind(
    `error of DynamoDB: ${name}`,
    { item: 'down', update: 'down' },
    awsError(`com.amazonaws.dynamodb.v20120810#${name}`, status),
  ),
);

/** Other ways to name an error, and none. */
const SPELLINGS: Readonly<Record<string, Kind['play']>> = {
  'with a name space': awsError('com.amazon.coral.service#ThrottlingException', 400),
  'with a link': awsError('ThrottlingException:http://internal.amazon.com/coral/', 400),
  'in a header': () => [say(answer(400, { type: TYPE, body: '{}' }, ['x-amzn-ErrorType: ThrottlingException']))],
  'in a header, with a link': () => [
    say(answer(400, { type: TYPE, body: '{}' }, ['x-amzn-errortype: ThrottlingException:http://a/'])),
  ],
  'as a number': () => [say(answer(400, { type: TYPE, body: '{"__type":42,"message":42}' }))],
  'as null': () => [say(answer(400, { type: TYPE, body: '{"__type":null}' }))],
  'as an object': () => [say(answer(400, { type: TYPE, body: '{"__type":{"a":1}}' }))],
  'as __proto__': awsError('__proto__', 400),
  'as constructor': awsError('constructor', 400),
  'as toString': awsError('toString', 500),
  'with a line break': awsError('Throttling\r\nException', 400),
  'with 60,000 characters': awsError('X'.repeat(60_000), 400),
  'with an escape sequence': awsError('\x1b[31mno', 400),
  'that is empty': awsError('', 400),
  'as XML': () => [
    say(
      answer(400, { type: 'text/xml', body: '<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>' }),
    ),
  ],
  'as CBOR': () => [say(answer(400, { type: 'application/cbor', body: Buffer.from('a1665f5f74797065614e', 'hex') }))],
  'with no body': () => [say(answer(400, { type: TYPE, body: '' }))],
  'with a status of 200': () => [
    say(answer(200, { type: TYPE, body: '{"__type":"ThrottlingException","message":"no"}' }, ['x-amzn-ErrorType: a'])),
  ],
  'after which to wait an hour': () => [
    say(answer(503, { type: TYPE, body: '{"__type":"ServiceUnavailable"}' }, ['Retry-After: 3600'])),
  ],
  'after which to wait for ever': () => [
    say(answer(503, { type: TYPE, body: '{"__type":"SlowDown"}' }, ['Retry-After: Fri, 31 Dec 9999 23:59:59 GMT'])),
  ],
  'after which to wait, in milliseconds': () => [
    say(answer(503, { type: TYPE, body: '{}' }, ['x-amz-retry-after: 999999999'])),
  ],
};
const spellings = Object.entries(SPELLINGS)
  .filter(([name]) => name !== 'with a status of 200')
  .map(([name, play]) => kind(`AWS error: ${name}`, atAws('down'), play));
const calledGood = Object.entries(SPELLINGS)
  .filter(([name]) => name === 'with a status of 200')
  .map(([name, play]) => kind(`AWS error: ${name}`, { secret: 'down', item: 'answer', update: 'answer' }, play));

const DATES = ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'yesterday', ''];
const skewed = DATES.map((date) =>
  kind(`AWS error: the clock is wrong, it is "${date}"`, atAws('down'), () => [
    say(answer(403, { type: TYPE, body: '{"__type":"RequestTimeTooSkewed"}' }, [`Date: ${date}`])),
  ]),
);

export const awsErrorKinds: readonly Kind[] = [
  ...common,
  ...ofSecrets,
  ...ofTable,
  ...spellings,
  ...calledGood,
  ...skewed,
];
