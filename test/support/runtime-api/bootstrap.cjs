'use strict';

// The runtime of a function: loads the handler, asks for an invocation, runs it, posts what came out, asks again.
// CommonJS with node:http alone: an import of it in ESM would load undici as well, which cold starts would pay for.

const http = require('node:http');
const { join } = require('node:path');

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true });

/** Lambda's exit codes after what nobody has caught. */
const EXIT = { init: 1, rejection: 128, exception: 129 };

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { hostname, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ headers: response.headers, text: Buffer.concat(chunks).toString('utf8') }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const describe = (error) =>
  JSON.stringify({
    errorType: error instanceof Error ? error.name : typeof error,
    errorMessage: error instanceof Error ? error.message : String(error),
    trace: error instanceof Error ? String(error.stack).split('\n') : [],
  });

/** The invocation under way. */
let current;

/** Says what went wrong outside of any handler, and ends. As in Lambda, the log gets all of it. */
function crash(kind, error) {
  process.stderr.write(`${kind}\t${describe(error)}\n`);
  const path = current === undefined ? 'init/error' : `invocation/${current}/error`;
  const end = () => process.exit(EXIT[kind]);
  call('POST', path, describe(error)).then(end, end);
}

process.on('uncaughtException', (error) => crash('exception', error));
process.on('unhandledRejection', (error) => crash('rejection', error));

function createContext(headers) {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

async function handleOne(handler) {
  const { headers, text } = await call('GET', 'invocation/next');
  current = headers['lambda-runtime-aws-request-id'];
  let path = 'response';
  let answer;
  try {
    answer = JSON.stringify((await handler(JSON.parse(text), createContext(headers))) ?? null);
  } catch (error) {
    path = 'error';
    answer = describe(error);
    process.stderr.write(`handler\t${answer}\n`);
  }
  await call('POST', `invocation/${current}/${path}`, answer);
}

async function run() {
  const [file, name] = process.env._HANDLER.split('.');
  let handler;
  try {
    ({ [name]: handler } = require(join(process.env.LAMBDA_TASK_ROOT, `${file}.cjs`)));
  } catch (error) {
    return crash('init', error);
  }
  for (;;) await handleOne(handler);
}

// Without its runtime API there is nobody left to work for.
run().catch(() => process.exit(0));
