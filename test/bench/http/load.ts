import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One POST, whose bytes are made once and sent over and over. */
export interface WireRequest {
  readonly port: number;
  readonly bytes: Buffer;
}

/** What a burst of load has measured. */
export interface Burst {
  /** Of each request, in milliseconds. */
  readonly latenciesMs: readonly number[];
  readonly perSecond: number;
}

const HEAD_END = '\r\n\r\n';
const CHUNKED_END = '0\r\n\r\n';

/** Makes the bytes of a POST to a server on this machine. */
export function post(port: number, path: string, headers: Readonly<Record<string, string>>, body: string): WireRequest {
  const all = { host: `127.0.0.1:${port}`, 'content-length': Buffer.byteLength(body), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return { port, bytes: Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`) };
}

/** Whether all of an answer has come. Answers are ASCII: characters are bytes. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd + 2))?.[1];
  if (length === undefined) return text.endsWith(CHUNKED_END);
  return text.length >= headEnd + HEAD_END.length + Number(length);
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
  await once(socket, 'connect');
  return socket;
}

/** Sends the next request whenever a whole answer has come, until `untilMs`; notes how long each took. */
const keepBusy = (socket: Socket, bytes: Buffer, untilMs: number, latenciesMs: number[]): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = '';
    let sentAt = performance.now();
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server has closed the connection')));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!isWhole(text)) return;
      if (!text.startsWith('HTTP/1.1 200') || !text.includes('"access_token"')) {
        return reject(new Error(`a request was answered ${text.slice(0, text.indexOf('\r\n'))}`));
      }
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      if (now >= untilMs) return resolve();
      text = '';
      sentAt = now;
      socket.write(bytes);
    });
    socket.write(bytes);
  });

/**
 * Keeps `connections` busy with the same request for `forMs`. It speaks just enough HTTP for its own servers, so that
 * what is measured is theirs and not that of a client.
 * @throws {Error} if an answer is not a 200 with an access token
 */
export async function load({ port, bytes }: WireRequest, connections: number, forMs: number): Promise<Burst> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  try {
    await Promise.all(sockets.map((socket) => keepBusy(socket, bytes, startedAt + forMs, latenciesMs)));
    return { latenciesMs, perSecond: latenciesMs.length / ((performance.now() - startedAt) / 1000) };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
