import http from 'node:http';
import https from 'node:https';
import { partition } from '@aws-sdk/core/client';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAwake, type Clock, sleep, wasFrozen } from '../core/clock.ts';
import { dropIdle } from '../core/connections.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { loggableName } from './call.ts';
import { type Environment, readCredentials, readRegion } from './environment.ts';

/** An answer of DynamoDB: a result if the status is 200, else an error. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One call of DynamoDB's JSON protocol: an answer, or the name of a transport error. */
export type DynamoDbCall = (operation: 'GetItem' | 'UpdateItem', input: object) => Promise<Result<Answer, string>>;

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

/** Few calls are concurrent: at most one for each key. */
const MOST_SOCKETS = 64;

/** Above any row: DynamoDB limits items to 400 kB. */
const LARGEST_ANSWER_BYTES = 512 * 1024;

type Attempted = Result<Answer, string>;

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
  if (!attempted.ok) return attempted.error === 'ECONNRESET' || attempted.error === 'EPIPE' ? 'at_once' : 'none';
  const { value: answer } = attempted;
  if (answer.status === 200) return 'none';
  const name = answerError(answer);
  if (THROTTLES.includes(name)) return 'later';
  return answer.status >= 500 || STALE_SIGNATURE.includes(name) ? 'at_once' : 'none';
}

const codeOf = ({ code = '' }: NodeJS.ErrnoException): string => loggableName(code);

function parse(status: number, text: string): Result<Answer, string> {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return ok({ status, body: body as Answer['body'] });
  } catch {
    // Invalid JSON is reported by a name, like any other fault.
  }
  return fail('SyntaxError');
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
  const client = endpoint.protocol === 'http:' ? http : https;
  const agent = new client.Agent({ keepAlive: true, maxSockets: MOST_SOCKETS });
  const credentials = async () => readCredentials(env);
  const signer = new SignatureV4({ service: 'dynamodb', region, credentials, sha256: Hash.bind(null, 'sha256') });

  async function sign(operation: string, body: string): Promise<Readonly<Record<string, string>>> {
    const { headers } = await signer.sign({
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
    });
    return headers;
  }

  function attempt(headers: Readonly<Record<string, string>>, body: string, leftMs: number): Promise<Attempted> {
    return new Promise((resolve) => {
      const request = client.request(endpoint, { method: 'POST', agent, headers });
      const cancel = afterAwake(clock, leftMs, () => give(fail('AbortError')));

      function give(result: Attempted): void {
        cancel();
        if (!result.ok) request.destroy();
        resolve(result);
      }

      request.on('error', (error) => give(fail(codeOf(error))));
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > LARGEST_ANSWER_BYTES) give(fail('AnswerTooLarge'));
          else chunks.push(chunk);
        });
        response.on('error', (error) => give(fail(codeOf(error))));
        response.on('end', () => give(parse(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))));
      });
      request.end(body);
    });
  }

  return async (operation, input) => {
    const body = JSON.stringify(input);
    let startedAt = clock.now();
    for (let repeated = 0, pauses = 0; ; ) {
      const sentAt = clock.now();
      const limit = pauses === 0 ? limitMs : THROTTLED_MS;
      const leftMs = Math.min(limitMs, startedAt + limit - sentAt);
      const headers = { ...(await sign(operation, body)), 'content-length': String(Buffer.byteLength(body)) };
      const attempted = await attempt(headers, body, leftMs);
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
        dropIdle(agent);
      }
    }
  };
}
