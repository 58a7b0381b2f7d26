import type { GatewayResponse, PayloadFormat } from './lambda-result.ts';
import type { SignatureFault } from './signature-fault.ts';

/** Why API Gateway itself answers, without or instead of the function. */
export type Refusal =
  | { readonly kind: 'signature'; readonly fault: SignatureFault }
  /** The caller's IAM policy does not allow `execute-api:Invoke` on this resource. */
  | { readonly kind: 'notAllowed'; readonly userArn: string; readonly resource: string }
  | {
      readonly kind:
        | 'noRoute'
        | 'badPath'
        | 'bodyTooLarge'
        | 'payloadTooLarge'
        | 'headerTooLarge'
        | 'throttled'
        | 'functionFailed'
        | 'functionTimedOut';
    };

interface Wording {
  readonly statusCode: number;
  readonly message: string;
  /** `x-amzn-errortype`, REST APIs only. */
  readonly errorType?: string;
  /** The form of the body: JSON with this member, or plain text. Default: `message`. */
  readonly form?: 'Message' | 'text';
}

type Wordings = Readonly<Record<Exclude<Refusal['kind'], 'signature' | 'notAllowed'>, Wording>>;

const HTTP_API: Wordings = {
  noRoute: { statusCode: 404, message: 'Not Found' },
  badPath: { statusCode: 400, message: 'Bad Request' },
  bodyTooLarge: { statusCode: 413, message: 'Request Entity Too Large' },
  payloadTooLarge: { statusCode: 413, message: 'Request Entity Too Large' },
  headerTooLarge: { statusCode: 431, message: 'Request Header Fields Too Large' },
  throttled: { statusCode: 429, message: 'Too Many Requests' },
  functionFailed: { statusCode: 500, message: 'Internal Server Error' },
  functionTimedOut: { statusCode: 503, message: 'Service Unavailable' },
};

const REST_API: Wordings = {
  // A REST API gives the same answer to an unknown route as to a missing signature.
  noRoute: {
    statusCode: 403,
    message: 'Missing Authentication Token',
    errorType: 'MissingAuthenticationTokenException',
  },
  badPath: { statusCode: 400, message: 'Bad Request', errorType: 'BadRequestException' },
  // Above its own limit a REST API answers in plain text; above that of Lambda, in JSON.
  bodyTooLarge: { statusCode: 413, message: 'HTTP content length exceeded 10485760 bytes.', form: 'text' },
  payloadTooLarge: { statusCode: 413, message: 'Request Too Long', errorType: 'BadRequestException' },
  headerTooLarge: { statusCode: 431, message: 'Request Header Fields Too Large' },
  throttled: { statusCode: 429, message: 'Too Many Requests', errorType: 'TooManyRequestsException' },
  functionFailed: { statusCode: 502, message: 'Internal server error', errorType: 'InternalServerErrorException' },
  functionTimedOut: {
    statusCode: 504,
    message: 'Endpoint request timed out',
    errorType: 'InternalServerErrorException',
  },
};

const FORBIDDEN = 403;

/** As API Gateway writes a resource to callers, with most of the account hidden. */
const masked = (arn: string): string => arn.replace(/:\d{8}(\d{4}):/, ':********$1:');

function wording(refusal: Refusal, payload: PayloadFormat): Wording {
  if (refusal.kind !== 'signature' && refusal.kind !== 'notAllowed') {
    return (payload === 'v2' ? HTTP_API : REST_API)[refusal.kind];
  }
  // An HTTP API does not state the reason.
  if (payload === 'v2') return { statusCode: FORBIDDEN, message: 'Forbidden' };
  if (refusal.kind === 'signature') {
    return { statusCode: FORBIDDEN, message: refusal.fault.message, errorType: refusal.fault.kind };
  }
  const { userArn, resource } = refusal;
  return {
    statusCode: FORBIDDEN,
    message: `User: ${userArn} is not authorized to perform: execute-api:Invoke on resource: ${masked(resource)} because no identity-based policy allows the execute-api:Invoke action`,
    errorType: 'AccessDeniedException',
    form: 'Message',
  };
}

/** The response, in the format of the API's type. */
export function refusalResponse(refusal: Refusal, payload: PayloadFormat): GatewayResponse {
  const { statusCode, message, errorType, form = 'message' } = wording(refusal, payload);
  return {
    statusCode,
    headers: [
      ['content-type', form === 'text' ? 'text; charset=utf-8' : 'application/json'],
      ...(errorType === undefined ? [] : [['x-amzn-errortype', errorType] as const]),
    ],
    body: Buffer.from(form === 'text' ? message : JSON.stringify({ [form]: message })),
  };
}

/** What a refusal means, for whoever runs the local stack; the answer itself says less. Without secrets. */
export function reasonOf(refusal: Refusal): string {
  switch (refusal.kind) {
    case 'signature':
      return refusal.fault.reason;
    case 'notAllowed':
      return `the IAM policy of ${refusal.userArn} does not allow execute-api:Invoke on it: no profile of this name lists the role for this endpoint`;
    case 'noRoute':
      return 'the API has no such route';
    case 'badPath':
      return 'the percent-encoding of its path is wrong';
    case 'bodyTooLarge':
      return "its body exceeds API Gateway's 10 MB";
    case 'payloadTooLarge':
      return "its event exceeds Lambda's 6 MB; a form counts in base64, a third longer";
    case 'headerTooLarge':
      return "its headers exceed API Gateway's 10,240 bytes";
    case 'throttled':
      return 'the rate and the burst of --throttle are used up';
    case 'functionFailed':
      return 'the function failed';
    case 'functionTimedOut':
      return 'the function did not answer in time';
  }
}
