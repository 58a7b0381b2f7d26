import { partition } from '@aws-sdk/core/client';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { createSkew } from '../broker/store/store-time.ts';
import { type Clock, sleep, wasFrozen } from '../core/clock.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { createHttpClient, type HttpAnswer, type HttpFault } from '../net/http-client.ts';
import { loggableName } from './call.ts';
import { type Environment, readCredentials, readRegion } from './environment.ts';

/** An answer of DynamoDB: a result if the status is 200, else an error. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One call of DynamoDB's JSON protocol. */
export interface DynamoDbCall {
  /** @param onSent called once the request is on its way */
  (operation: 'GetItem' | 'UpdateItem', input: object, onSent?: () => void): Promise<Result<Answer, HttpFault>>;
  /** How far this process's clock is ahead of DynamoDB's. */
  readonly aheadMs?: () => number;
}

/** DynamoDB's endpoint: `AWS_ENDPOINT_URL_DYNAMODB`, or by default the endpoint of the region. */
export function dynamoDbEndpoint(region: string, env: Environment): URL {
  const given = env.AWS_ENDPOINT_URL_DYNAMODB ?? env.AWS_ENDPOINT_URL;
  if (given) return new URL(given);
  const { name, dnsSuffix, dualStackDnsSuffix } = partition(region);
  const isDualStack = env.AWS_USE_DUALSTACK_ENDPOINT === 'true';
  // GovCloud's standard endpoint is its FIPS endpoint.
  const isFips = env.AWS_USE_FIPS_ENDPOINT === 'true' && (isDualStack || name !== 'aws-us-gov');
  return new URL(`https://dynamodb${isFips ? '-fips' : ''}.${region}.${isDualStack ? dualStackDnsSuffix : dnsSuffix}`);
}

/** Above any row: DynamoDB limits items to 400 kB. */
const LARGEST_ANSWER_BYTES = 512 * 1024;

type Attempted = Result<Answer, HttpFault>;

/** The name of an error: the part of `__type` after the `#`. */
export const answerError = ({ body }: Answer): string => loggableName(String(body.__type ?? '').replace(/^.*#/, ''));

/** Errors of a request that was signed before a freeze and sent or checked after it. */
const STALE_SIGNATURE = [
  'InvalidSignatureException',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
];

const THROTTLES = ['ThrottlingException', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded'];

/** While the table throttles, waiting is better than one request to ZITADEL for each sandbox. */
const THROTTLED_MS = 1_000;

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 200;

/**
 * Whether to retry a call. After a freeze, idle connections are closed and the signature is too old. DynamoDB asks
 * clients to retry its 5xx. If a write did happen, its condition refuses the retry.
 */
function repetition(attempted: Attempted): 'none' | 'at_once' | 'later' {
  if (!attempted.ok) return attempted.error.reset === undefined ? 'none' : 'at_once';
  const { value: answer } = attempted;
  if (answer.status === 200) return 'none';
  const name = answerError(answer);
  if (THROTTLES.includes(name)) return 'later';
  return answer.status >= 500 || STALE_SIGNATURE.includes(name) ? 'at_once' : 'none';
}

function parse({ status, body: text }: HttpAnswer): Attempted {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return ok({ status, body: body as Answer['body'] });
  } catch {
    // Invalid JSON is reported by a name, like any other fault.
  }
  return fail({ kind: 'garbled', detail: 'SyntaxError' });
}

export interface DynamoDbCallDeps {
  readonly clock: Clock;
  /** The time limit of a call, including a retry; longer only if the table throttles. */
  readonly limitMs: number;
  /** From [0, 1). */
  readonly random?: () => number;
}

/**
 * Creates calls to DynamoDB, signed with AWS's own signer, over reused connections. Two operations do not need the
 * SDK's client, which would slow down cold starts.
 */
export function createDynamoDbCall({ clock, limitMs, random = Math.random }: DynamoDbCallDeps): DynamoDbCall {
  const env = process.env;
  const region = readRegion(env);
  const endpoint = dynamoDbEndpoint(region, env);
  const client = createHttpClient({ clock, largestBytes: LARGEST_ANSWER_BYTES });
  const credentials = async () => readCredentials(env);
  const signer = new SignatureV4({ service: 'dynamodb', region, credentials, sha256: Hash.bind(null, 'sha256') });

  const skew = createSkew();

  async function sign(operation: string, body: string): Promise<Readonly<Record<string, string>>> {
    const request = {
      method: 'POST',
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      path: '/',
      query: {},
      headers: {
        host: endpoint.host,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${operation}`,
      },
      body,
    };
    // DynamoDB refuses a signature whose date is minutes off.
    const { headers } = await signer.sign(request, { signingDate: new Date(clock.now() - skew.aheadMs()) });
    return headers;
  }

  const call = async (operation: string, input: object, onSent?: () => void): Promise<Attempted> => {
    const body = JSON.stringify(input);
    let startedAt = clock.now();
    for (let repeated = 0, pauses = 0; ; ) {
      const sentAt = clock.now();
      const limit = pauses === 0 ? limitMs : THROTTLED_MS;
      const leftMs = Math.min(limitMs, startedAt + limit - sentAt);
      const request = { url: endpoint, headers: await sign(operation, body), body };
      const answered = await client.send(request, leftMs, onSent);
      if (answered.ok) skew.hear(String(answered.value.headers.date), sentAt, clock.now());
      const attempted = answered.ok ? parse(answered.value) : answered;
      // Restart the time budget after a freeze.
      if (wasFrozen(clock, sentAt, leftMs)) startedAt = clock.now();
      const when = repetition(attempted);
      const spentMs = clock.now() - startedAt;
      if (when === 'later') {
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** pauses) * (1 + random());
        if (spentMs + pauseMs >= THROTTLED_MS) return attempted;
        pauses += 1;
        await sleep(clock, pauseMs);
      } else {
        if (when === 'none' || repeated > 0 || spentMs >= limit) return attempted;
        repeated += 1;
        client.dropIdle();
      }
    }
  };
  return Object.assign(call, { aheadMs: skew.aheadMs });
}
