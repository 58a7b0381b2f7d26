import type { GatewayResponse, PayloadFormat } from './lambda-result.ts';
import type { SignatureFault } from './sigv4.ts';

/** The answers of API Gateway itself, without or instead of the function. */
export type Refusal =
  | { readonly kind: 'signature'; readonly fault: SignatureFault }
  | {
      readonly kind: 'noRoute' | 'badPath' | 'bodyTooLarge' | 'headerTooLarge' | 'functionFailed' | 'functionTimedOut';
    };

interface Wording {
  readonly statusCode: number;
  readonly message: string;
  /** `x-amzn-errortype`, REST APIs only. */
  readonly errorType?: string;
}

type Wordings = Readonly<Record<Exclude<Refusal['kind'], 'signature'>, Wording>>;

const HTTP_API: Wordings = {
  noRoute: { statusCode: 404, message: 'Not Found' },
  badPath: { statusCode: 400, message: 'Bad Request' },
  bodyTooLarge: { statusCode: 413, message: 'Request Entity Too Large' },
  headerTooLarge: { statusCode: 431, message: 'Request Header Fields Too Large' },
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
  bodyTooLarge: { statusCode: 413, message: 'Request Too Long', errorType: 'RequestTooLargeException' },
  headerTooLarge: { statusCode: 431, message: 'Request Header Fields Too Large' },
  functionFailed: { statusCode: 502, message: 'Internal server error', errorType: 'InternalServerErrorException' },
  functionTimedOut: {
    statusCode: 504,
    message: 'Endpoint request timed out',
    errorType: 'InternalServerErrorException',
  },
};

function wording(refusal: Refusal, payload: PayloadFormat): Wording {
  if (refusal.kind !== 'signature') return (payload === 'v2' ? HTTP_API : REST_API)[refusal.kind];
  // An HTTP API does not state the reason.
  if (payload === 'v2') return { statusCode: 403, message: 'Forbidden' };
  return { statusCode: 403, message: refusal.fault.message, errorType: refusal.fault.kind };
}

/** The response, in the format of the API's type. */
export function refusalResponse(refusal: Refusal, payload: PayloadFormat): GatewayResponse {
  const { statusCode, message, errorType } = wording(refusal, payload);
  return {
    statusCode,
    headers: [
      ['content-type', 'application/json'],
      ...(errorType === undefined ? [] : [['x-amzn-errortype', errorType] as const]),
    ],
    body: Buffer.from(JSON.stringify({ message })),
  };
}
