import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { turn } from './turns.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];

/** The path of Chromium: `CHROME_PATH`, or found in `PATH`; `undefined` if this machine has none. */
export function findChromium(): string | undefined {
  const { CHROME_PATH, PATH = '' } = process.env;
  const inPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [CHROME_PATH ?? '', ...inPath].find((path) => path !== '' && existsSync(path));
}

/** What a method of the DevTools protocol takes, returns or reports. */
type Members = Readonly<Record<string, unknown>>;

/** A headless Chromium with one page, driven over the DevTools protocol. */
export interface Browser {
  /** Goes to another document, and waits until it is loaded. */
  readonly open: (url: string) => Promise<void>;
  /** Calls a method on the page. */
  readonly call: (method: string, params?: Members) => Promise<Members>;
  /** The value of an expression in the page, which may be a promise. */
  readonly evaluate: <T>(expression: string) => Promise<T>;
  /** Waits until an expression in the page is true. */
  readonly until: (expression: string) => Promise<void>;
  /** Presses and releases a key: `Tab`, `Enter`, ` `. */
  readonly press: (key: string) => Promise<void>;
  /** The events of this method that the page has reported so far. */
  readonly events: (method: string) => readonly Members[];
  readonly close: () => Promise<void>;
}

/** Without a display, a GPU or requests of its own. Chromium refuses its sandbox to root. */
const FLAGS = [
  '--headless=new',
  '--remote-debugging-port=0',
  '--no-first-run',
  '--disable-gpu',
  '--hide-scrollbars',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

const KEYS: Readonly<Record<string, Members>> = {
  Tab: { key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 },
  Enter: { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
  ' ': { key: ' ', code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
};

/** Starts Chromium with an empty page of this size. */
export async function startChromium(path: string, { width = 1280, height = 940 } = {}): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'chromium-'));
  const child = spawn(path, [...FLAGS, `--user-data-dir=${folder}`, 'about:blank']);
  const exited = once(child, 'exit');
  process.once('exit', () => child.kill());
  let said = '';
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
      const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    exited.then(() => reject(new Error(`Chromium has ended: ${said}`)), reject);
  });
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const waiting = new Map<number, { resolve: (result: Members) => void; reject: (error: Error) => void }>();
  const reported: { method: string; params: Members }[] = [];
  let calls = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(String(data));
    if (id === undefined) reported.push({ method, params });
    else if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error.message));
    waiting.delete(id);
  });
  const send = (method: string, params: Members, sessionId?: string) =>
    new Promise<Members>((resolve, reject) => {
      calls += 1;
      waiting.set(calls, { resolve, reject });
      socket.send(JSON.stringify({ id: calls, method, params, ...(sessionId && { sessionId }) }));
    });
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method: string, params: Members = {}) => send(method, params, String(sessionId));
  for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'DOM', 'Accessibility']) await call(`${domain}.enable`);

  await call('Page.setLifecycleEventsEnabled', { enabled: true });
  await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });

  async function evaluate<T>(expression: string): Promise<T> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = (await call('Runtime.evaluate', options)) as {
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    };
    if (exceptionDetails === undefined) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  return {
    async open(url) {
      const { loaderId } = await call('Page.navigate', { url });
      const isLoaded = () => reported.some(({ params }) => params.loaderId === loaderId && params.name === 'load');
      while (!isLoaded()) await turn();
    },
    call,
    evaluate,
    // Each step waits for the page itself to have drawn a frame.
    until: (expression) =>
      evaluate(`new Promise((resolve) => {
        const look = () => ((${expression}) ? resolve() : requestAnimationFrame(look));
        look();
      })`),
    async press(key) {
      await call('Input.dispatchKeyEvent', { type: 'keyDown', ...KEYS[key] });
      await call('Input.dispatchKeyEvent', { type: 'keyUp', ...KEYS[key] });
    },
    events: (method) => reported.filter((event) => event.method === method).map(({ params }) => params),
    async close() {
      socket.close();
      child.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
