import { connect, type Socket } from 'node:net';

/** One HTTP/1.1 request as its bytes: made once, sent over and over. */
export interface WireRequest {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a burst of load has measured. */
export interface Burst {
  /** Of each request, in milliseconds. */
  readonly latenciesMs: readonly number[];
  readonly perSecond: number;
}

/** The parts of an answer that tell where it ends. */
const HEAD_END = '\r\n\r\n';
const CHUNKED_END = '0\r\n\r\n';

const toBytes = ({ port, path, headers, body }: WireRequest): Buffer =>
  Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      ...Object.entries({ host: `127.0.0.1:${port}`, 'content-length': Buffer.byteLength(body), ...headers }).map(
        ([name, value]) => `${name}: ${value}`,
      ),
      '',
      body,
    ].join('\r\n'),
  );

/** Whether all of an answer has come. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd + 2))?.[1];
  if (length === undefined) return text.endsWith(CHUNKED_END);
  return text.length >= headEnd + HEAD_END.length + Number(length);
}

/** A connection that is kept open. */
interface Connection {
  /** Sends the request and waits for the whole answer. Answers are ASCII: characters are bytes. */
  readonly exchange: (bytes: Buffer) => Promise<string>;
  readonly close: () => void;
}

async function open(port: number): Promise<Connection> {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let text = '';
  let settle: { resolve: (text: string) => void; reject: (error: Error) => void } | undefined;
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (isWhole(text)) settle?.resolve(text);
  });
  const fail = () => settle?.reject(new Error(`the server at port ${port} has closed the connection`));
  socket.on('close', fail);
  socket.on('error', fail);
  return {
    exchange: (bytes) =>
      new Promise((resolve, reject) => {
        text = '';
        settle = { resolve, reject };
        socket.write(bytes);
      }),
    close: () => socket.destroy(),
  };
}

/**
 * Keeps `connections` busy with the same request for `forMs`: each sends the next one when it has its answer. It speaks
 * just enough HTTP for its own servers, so that what is measured is theirs and not that of a client.
 * @throws {Error} where an answer is no 200 with an access token
 */
export async function load(request: WireRequest, connections: number, forMs: number): Promise<Burst> {
  const bytes = toBytes(request);
  const opened = await Promise.all(Array.from({ length: connections }, () => open(request.port)));
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const keepBusy = async ({ exchange }: Connection) => {
    let sentAt = performance.now();
    while (sentAt - startedAt < forMs) {
      const answer = await exchange(bytes);
      if (!answer.startsWith('HTTP/1.1 200') || !answer.includes('"access_token"')) {
        throw new Error(`${request.path} was answered ${answer.slice(0, answer.indexOf('\r\n'))}`);
      }
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      sentAt = now;
    }
  };
  try {
    await Promise.all(opened.map(keepBusy));
    return { latenciesMs, perSecond: latenciesMs.length / ((performance.now() - startedAt) / 1000) };
  } finally {
    for (const { close } of opened) close();
  }
}
