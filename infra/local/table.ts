import { request, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { listen, type StandIn } from './stand-in.ts';

/** DynamoDB on loopback, with the one table that the broker uses. */
export interface Table extends StandIn {
  readonly tableName: string;
  /** The number of requests since the table was created, of one operation (`'GetItem'`) or of all. */
  readonly calls: (operation?: string) => number;
}

/** The name of the table, and where to listen. */
export interface TableOptions {
  readonly tableName: string;
  /** What its answers say that the time is, in epoch milliseconds; by default that of this machine. */
  readonly now?: () => number;
  readonly port?: number;
}

// dynalite is CommonJS and has no types. A table is `ACTIVE` after `createTableMs`.
const dynalite = createRequire(import.meta.url)('dynalite') as (options: { createTableMs: number }) => Server;

// dynalite checks only the format of a signature, so this one consists of placeholders.
const HEADERS = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-date': '20000101T000000Z',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20000101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
};

/** One call of the wire protocol. Creating an official SDK client would take longer than everything else. */
function call(url: string, operation: string, input: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { ...HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` };
    const req = request(url, { method: 'POST', headers, agent: false }, (res) => {
      let body = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        body += chunk;
      });
      res.on('error', reject);
      res.on('end', () => (res.statusCode === 200 ? resolve(body) : reject(new Error(`${operation}: ${body}`))));
    });
    req.on('error', reject);
    req.end(JSON.stringify(input));
  });
}

async function createActiveTable(url: string, tableName: string): Promise<void> {
  await call(url, 'CreateTable', {
    TableName: tableName,
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  while (!(await call(url, 'DescribeTable', { TableName: tableName })).includes('"TableStatus":"ACTIVE"'));
}

/**
 * Starts an in-memory DynamoDB and creates the broker's table in it: partition key `pk`, a string, on demand.
 * @throws {Error} if the port is in use, or `tableName` is not a valid table name.
 */
export async function createTable({ tableName, now = Date.now, port = 0 }: TableOptions): Promise<Table> {
  const database = dynalite({ createTableMs: 0 });
  const operations: string[] = [];
  const standIn = await listen(
    (req, res) => {
      res.setHeader('date', new Date(now()).toUTCString());
      database.emit('request', req, res);
      // dynalite throws in its own listener when a client disconnects, which would end the process.
      req.removeAllListeners('error');
      req.on('error', () => res.destroy());
    },
    { port },
  );
  try {
    await createActiveTable(standIn.url, tableName);
  } catch (error) {
    await standIn.close();
    throw error;
  }
  let fault: Parameters<StandIn['intercept']>[0];
  standIn.intercept((req, res) => {
    operations.push(String(req.headers['x-amz-target']).replace(/^.*\./, ''));
    return fault?.(req, res) ?? false;
  });
  return {
    ...standIn,
    tableName,
    calls: (operation) =>
      operation === undefined ? operations.length : operations.filter((name) => name === operation).length,
    intercept: (next) => {
      fault = next;
    },
  };
}
