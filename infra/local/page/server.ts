import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { errorName } from '../../../lib/aws/call.ts';
import { listen, type StandIn } from '../stand-in.ts';
import type { Feed } from './feed.ts';
import { API, refusalOf } from './guard.ts';
import { describeState, type StateDeps } from './state.ts';

/** What the page shows and does, and where it listens. */
export interface PageOptions extends StateDeps {
  readonly feed: Feed;
  readonly port: number;
}

/** The page of a local stack, on loopback. */
export interface Page extends StandIn {
  /** Opens the page: its key is in the fragment, which browsers do not send. */
  readonly address: string;
}

const FILES = new Map([
  ['/', ['index.html', 'text/html; charset=utf-8']],
  ['/page.js', ['page.js', 'text/javascript; charset=utf-8']],
]);

/** A browser that reads so slowly that this much waits for it is disconnected. */
const MOST_WAITING_BYTES = 1024 * 1024;

/** The page's one style sheet is in its HTML: this names it. */
function stylePolicy(html: string): string {
  const [, style = ''] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
  return `'sha256-${createHash('sha256').update(style).digest('base64')}'`;
}

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Serves the page.
 * @throws {Error} with `code: 'EADDRINUSE'` if the port is in use
 */
export async function createPage(options: PageOptions): Promise<Page> {
  const { feed, profiles, switches } = options;
  const key = randomBytes(24).toString('base64url');
  const readers = new Set<ServerResponse>();
  let isDue = false;

  const send = (res: ServerResponse, kind: 'line' | 'state', value: unknown) => {
    if (res.writableLength > MOST_WAITING_BYTES) res.destroy();
    else res.write(`event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`);
  };
  /** Shows the state once to everybody, after all that happens now. */
  const show = () => {
    if (isDue || readers.size === 0) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      const state = describeState(options);
      for (const res of readers) send(res, 'state', state);
    });
  };
  feed.follow((line) => {
    for (const res of readers) send(res, 'line', line);
    show();
  });

  function subscribe(res: ServerResponse): void {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const line of feed.lines()) send(res, 'line', line);
    send(res, 'state', describeState(options));
    readers.add(res);
    res.on('close', () => readers.delete(res));
  }

  const answer = (res: ServerResponse, status: number, text: string) =>
    res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);

  /** Runs a switch for a profile: `POST /api/{switch}/{profile}`. */
  async function run(res: ServerResponse, path: string): Promise<void> {
    const [id, name = ''] = path.slice(API.length).split('/');
    const chosen = switches.find((known) => known.id === id);
    const profile = profiles.get(name);
    if (chosen === undefined || profile === undefined) return void answer(res, 404, 'there is no such switch');
    const obstacle = chosen.obstacle?.(profile);
    if (obstacle !== undefined) return void answer(res, 409, obstacle);
    try {
      answer(res, 200, await chosen.run(profile));
    } catch (error) {
      // The message may repeat what was sent.
      answer(res, 502, `${chosen.label} failed: ${errorName(error)}.`);
    }
    show();
  }

  function route(req: IncomingMessage, res: ServerResponse): unknown {
    for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
    res.setHeader('content-security-policy', "default-src 'self'; frame-ancestors 'none'");
    const refusal = refusalOf(req, { port: page.port, key });
    if (refusal !== undefined) return answer(res, refusal.status, refusal.text);
    const [path = ''] = (req.url ?? '').split('?');
    const file = FILES.get(path);
    if (path.startsWith(API) && req.method === 'POST') return run(res, path);
    if (req.method !== 'GET') return answer(res, 405, 'only GET');
    if (path === `${API}events`) return subscribe(res);
    // Browsers ask for it, and report an error if there is none.
    if (path === '/favicon.ico') return res.writeHead(204).end();
    if (file === undefined) return answer(res, 404, 'there is no such page');
    const [name = '', type = ''] = file;
    const text = readFileSync(join(import.meta.dirname, name), 'utf8');
    const policy = [`default-src 'self'`, `style-src ${stylePolicy(text)}`, `base-uri 'none'`, `form-action 'none'`];
    res.setHeader('content-security-policy', `${policy.join('; ')}; frame-ancestors 'none'`);
    return res.writeHead(200, { 'content-type': type }).end(text);
  }

  const page = await listen(route, { port: options.port });
  return { ...page, address: `${page.url}/#key=${key}` };
}
