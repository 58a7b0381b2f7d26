import { readFileSync } from 'node:fs';
import { request } from 'node:http';

/** One recorded exchange with a ZITADEL; `at` is epoch seconds. */
export interface Recording {
  readonly name: string;
  readonly seq: number;
  readonly at: number;
  readonly note?: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly response: Answer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What the JSON says, or the text that is none. */
  readonly body: unknown;
}

export interface Exchange {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const RECORDINGS = new URL('../recordings/', import.meta.url);

export const readJson = (name: string): unknown => JSON.parse(readFileSync(new URL(name, RECORDINGS), 'utf8'));

/** The recordings of some rooms, in the order in which they were made. */
export function recordings(...rooms: readonly string[]): readonly Recording[] {
  const records = rooms.flatMap((room) => readJson(`${room}.json`) as Recording[]);
  return records
    .filter((record) => record.note === undefined && !JSON.stringify(record.request).includes('PERSONAL-ACCESS-TOKEN'))
    .sort((a, b) => a.seq - b.seq);
}

/** Sends a request whose Host header may be any. */
export function exchange(url: string, { method = 'POST', path, headers = {}, body = '' }: Exchange): Promise<Answer> {
  const payload = Buffer.from(body);
  return new Promise((resolve, reject) => {
    // An empty Host header is one too.
    const setHost = headers.host === undefined;
    const req = request(`${url}${path}`, { method, agent: false, headers, setHost }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: parse(text) }));
    });
    req.on('error', reject).setHeader('content-length', payload.length);
    req.end(payload);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const TOKENS = new Set(['access_token', 'id_token']);
const TIMES = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at', 'expires_in']);
const UNCOMPARED = new Set(['jti', 'keys']);
const TOLERANCE_SECONDS = 2;

const parts = (token: unknown): number => String(token).split('.').length;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function isSame(member: string, was: unknown, is: unknown): boolean {
  if (was === undefined || is === undefined) return was === is;
  if (UNCOMPARED.has(member)) return true;
  if (TOKENS.has(member)) return parts(was) === parts(is);
  if (TIMES.has(member)) return Math.abs(Number(was) - Number(is)) <= TOLERANCE_SECONDS;
  return JSON.stringify(was) === JSON.stringify(is);
}

/** Where an answer differs from what ZITADEL said: tokens count by their kind, times within 2 s. */
function differences(was: Answer, is: Answer): readonly string[] {
  const type = ({ headers }: Answer) => String(headers['content-type']).split(';')[0];
  const found: string[] = [];
  if (was.status !== is.status) found.push(`status ${was.status}, here ${is.status}`);
  if (type(was) !== type(is)) found.push(`content-type ${type(was)}, here ${type(is)}`);
  if (!isObject(was.body) || !isObject(is.body)) {
    return typeof was.body === typeof is.body ? found : [...found, `body ${typeof was.body}, here ${typeof is.body}`];
  }
  for (const member of new Set([...Object.keys(was.body), ...Object.keys(is.body)])) {
    const [old, here] = [was.body[member], is.body[member]];
    if (!isSame(member, old, here)) found.push(`${member} ${JSON.stringify(old)}, here ${JSON.stringify(here)}`);
  }
  return found;
}

/** Replays recordings, each at its own time, and answers every difference with the name of its recording. */
export async function replay(url: string, records: readonly Recording[]): Promise<readonly string[]> {
  const tokens = new Map<string, string>();
  const translate = (text: string) => [...tokens].reduce((all, [was, is]) => all.replaceAll(was, is), text);
  const found: string[] = [];
  for (const record of records) {
    const { method, path, headers, body } = record.request;
    const is = await exchange(url, {
      method,
      path,
      headers: {
        host: 'localhost:8080',
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, translate(value)])),
        'x-stand-in-now': String(record.at),
      },
      body: translate(body),
    });
    for (const member of TOKENS) {
      const was = isObject(record.response.body) ? record.response.body[member] : undefined;
      const here = isObject(is.body) ? is.body[member] : undefined;
      if (typeof was === 'string' && typeof here === 'string') tokens.set(was, here);
    }
    found.push(...differences(record.response, is).map((line) => `${record.name}: ${line}`));
  }
  return found;
}
