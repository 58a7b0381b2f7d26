import { readFileSync } from 'node:fs';
import { createKeys, type Key } from '../../infra/local/callers.ts';
import { createDemo, type Demo } from '../../infra/local/demo.ts';
import { createIssuers } from '../../infra/local/issuers.ts';
import { createFeed } from '../../infra/local/page/feed.ts';
import { KEY_HEADER } from '../../infra/local/page/guard.ts';
import { createStackPage } from '../../infra/local/page/page.ts';
import type { Page } from '../../infra/local/page/server.ts';
import type { describeState } from '../../infra/local/page/state.ts';
import { createShiftedClock } from '../../infra/local/shifted-clock.ts';
import { createStack, REGION, type Stack } from '../../infra/local/stack.ts';
import type { LocalTls } from '../../infra/local/tls/kept-authority.ts';
import { createZitadel, type Zitadel } from '../../infra/local/zitadel/server.ts';
import { createTransport } from '../../lib/net/transport.ts';
import { profilesOf } from './profiles.ts';

/** What the page shows, as its server sends it. */
export type State = ReturnType<typeof describeState>;

/** The stack that npm start starts, with its page. */
export interface PageStack {
  readonly page: Page;
  readonly stack: Stack;
  readonly zitadel: Zitadel;
  readonly demo: Demo;
  readonly keys: ReadonlyMap<string, Key>;
  /** Every line of the log. */
  readonly lines: readonly string[];
  readonly key: string;
  /** Presses a switch for a profile. @returns the status and the text of the answer */
  readonly press: (id: string, profile?: string) => Promise<string>;
  /** Reads the events until the first state. */
  readonly read: () => Promise<{ readonly state: State; readonly text: string }>;
  readonly close: () => Promise<void>;
}

export interface PageStackOptions {
  /** The profiles use a ZITADEL that is not the stack's own. */
  readonly isForeign?: boolean;
  readonly tls?: LocalTls;
}

/** The broker's time limits are this much longer, so that a busy machine does not look like a slow service. */
const PATIENCE = 5;

/** Starts the stack on this machine's clock, which the page moves. Stacks of one process follow one another. */
export async function createPageStack({ isForeign = false, tls }: PageStackOptions = {}): Promise<PageStack> {
  const demo = await createDemo();
  const shifted = createShiftedClock();
  const clock = { ...shifted, after: (ms: number, run: () => void) => shifted.after(ms * PATIENCE, run) };
  const zitadel = await createZitadel({ accounts: demo.accounts, now: clock.now });
  const issuers = await createIssuers(clock.now);
  const profiles = profilesOf(demo.profiles(zitadel.url, issuers) as never);
  const keys = createKeys(profiles.values());
  const lines: string[] = [];
  const feed = createFeed({ clock, send: createTransport({ clock, allowLoopbackHttp: true }) });
  const thrown: unknown[] = [];
  const stack = await createStack({
    profiles,
    secrets: demo.secrets,
    principals: [...keys.values()].map(({ principal }) => principal),
    clock,
    send: feed.send,
    write: (line) => {
      lines.push(line);
      feed.write(line);
    },
    onError: (error) => thrown.push(error),
    ...(tls && { tls: tls.identity }),
  });
  await stack.schedule();
  const address = { url: stack.gateway.url, region: REGION, authorityFile: tls?.authorityFile };
  const own = isForeign ? undefined : zitadel;
  const page = await createStackPage({ stack, clock, feed, profiles, keys, issuers, address, zitadel: own, port: 0 });
  const [, key = ''] = page.address.split('#key=');
  const headers = { [KEY_HEADER]: key };

  return {
    page,
    stack,
    zitadel,
    demo,
    keys,
    lines,
    key,
    async press(id, profile = 'orders') {
      const answer = await fetch(`${page.url}/api/${id}/${profile}`, { method: 'POST', headers });
      return `${answer.status} ${await answer.text()}`;
    },
    async read() {
      const answer = await fetch(`${page.url}/api/events`, { headers });
      if (!answer.ok || answer.body === null) throw new Error(`${answer.status} ${await answer.text()}`);
      let text = '';
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const [, state] = /^event: state\ndata: (.*)\n\n/m.exec(text) ?? [];
        // Leaving the loop ends the request.
        if (state !== undefined) return { state: JSON.parse(state) as State, text };
      }
      throw new Error('the events have ended');
    },
    async close() {
      await Promise.all([page, stack, zitadel, ...issuers].map((one) => one.close()));
      if (thrown.length > 0) throw thrown[0];
    },
  };
}

/** The two files of the page. */
export const pageFile = (name: 'index.html' | 'page.js'): string =>
  readFileSync(`${import.meta.dirname}/../../infra/local/page/${name}`, 'utf8');
