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

/** Serialises to JSON and parses: drops `undefined` members, `undefined` becomes `null`. Throws if JSON cannot. */
function throughJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null');
}

/**
 * Runs the function once. Its timeout is in real time, independent of `now` (epoch milliseconds). A function that
 * exceeds it keeps running, and its result is discarded.
 */
export async function invoke(lambda: LambdaFunction, event: unknown, now: () => number): Promise<Invocation> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Invocation>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'timedOut' }), lambda.timeoutMs);
  });
  const run = async (): Promise<Invocation> => {
    try {
      const value = await lambda.handler(throughJson(event) as never, createContext(lambda, now) as never);
      return { kind: 'returned', value: throughJson(value) };
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
