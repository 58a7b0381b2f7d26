import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import type { GatewayHandler } from './route.ts';

/** The second argument of Node.js functions, without the callbacks of old runtimes. */
export type LambdaContext = Omit<Context, 'done' | 'fail' | 'succeed'>;

/** The function as its context describes it. */
export interface LambdaFunction {
  readonly handler: GatewayHandler;
  readonly name: string;
  readonly region: string;
  readonly accountId: string;
  readonly timeoutMs: number;
}

/** How an invocation ended. A returned value has been serialised to JSON and parsed, as by Lambda. */
export type Invocation =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'timedOut' };

function createContext(lambda: LambdaFunction, now: () => number): LambdaContext {
  const startedAtMs = now();
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: lambda.name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${lambda.region}:${lambda.accountId}:function:${lambda.name}`,
    memoryLimitInMB: '256',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${lambda.name}`,
    logStreamName: `${new Date(startedAtMs).toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]local`,
    getRemainingTimeInMillis: () => Math.max(0, startedAtMs + lambda.timeoutMs - now()),
  };
}

/** Lambda's limit for the event of a synchronous invocation, in JSON. */
const LARGEST_EVENT_BYTES = 6 * 1024 * 1024;

/** The event as Lambda gets it, in JSON; `undefined` if it is larger than Lambda accepts. */
export function serializeEvent(event: unknown): string | undefined {
  const json = JSON.stringify(event);
  return Buffer.byteLength(json) > LARGEST_EVENT_BYTES ? undefined : json;
}

/**
 * Runs the function once, with an event in JSON. Its timeout is in real time, independent of `now` (epoch milliseconds). A function that
 * exceeds it keeps running, and its result is discarded.
 */
export async function invoke(lambda: LambdaFunction, event: string, now: () => number): Promise<Invocation> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Invocation>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'timedOut' }), lambda.timeoutMs);
  });
  const run = async (): Promise<Invocation> => {
    try {
      const value = await lambda.handler(JSON.parse(event) as never, createContext(lambda, now) as never);
      // Drops `undefined` members; `undefined` itself becomes `null`. Throws if JSON cannot say it.
      return { kind: 'returned', value: JSON.parse(JSON.stringify(value) ?? 'null') };
    } catch (error) {
      return { kind: 'threw', error };
    }
  };
  try {
    return await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}
