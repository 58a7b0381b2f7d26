import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, findChromium, startChromium } from '../support/chromium.ts';
import { createPageStack, type PageStack } from '../support/page-stack.ts';

const chromium = findChromium();
if (chromium === undefined) {
  process.stderr.write('The page is not tested in a browser: PATH has no Chromium, and CHROME_PATH names none.\n');
}

let local: PageStack;
let browser: Browser;

const status = `document.getElementById('status').textContent`;

/** The button of a switch; those of requests are one for each profile. */
const buttonOf = (id: string, profile = '') =>
  `document.querySelector('[data-id="${id}"]${profile === '' ? '' : `[aria-label$=": ${profile}"]`}')`;

/** What stands beside a profile's name: "memory 1". */
const badge = (profile: string, text: string) =>
  `[...document.querySelectorAll('.token')].find((token) => token.querySelector('h3').textContent === '${profile}')
    .textContent.includes('${text}')`;

const isPressed = (id: string, value: boolean) => `${buttonOf(id)}.ariaPressed === '${value}'`;

const hasLine = (pattern: RegExp) =>
  `[...document.querySelectorAll('#lines tr')].some((row) => ${pattern}.test(row.textContent))`;

const says = (pattern: RegExp) => `${pattern}.test(${status})`;

/** A switch, what the page then shows, and the profile if it is a request. */
type Step = readonly [id: string, shown: string, profile?: string];

/** What the page itself proposes. */
const STORY: readonly Step[] = [
  ['token', badge('orders', 'ZITADEL 1'), 'orders'],
  ['token', badge('orders', 'memory 1'), 'orders'],
  ['token', badge('reports', 'ZITADEL 1'), 'reports'],
  ['zitadel-down', isPressed('zitadel-down', true)],
  ['eight-hours', `document.getElementById('clock').textContent.includes('+8 h')`],
  ['token', badge('orders', 'memory 2'), 'orders'],
  ['hour', `document.getElementById('clock').textContent.includes('+9 h')`],
  ['token', badge('orders', 'table 1'), 'orders'],
];

const OTHERS: readonly Step[] = [
  ['curl', says(/^Cop(ied|y this): curl .*\/orders\/oauth\/v2\/token$/), 'orders'],
  ['token-kubernetes', badge('orders', 'table 2')],
  ['token-github', hasLine(/federated.*orders.*github:/)],
  ['curl-kubernetes', says(/^Cop.*\/federated\/orders\/oauth\/v2\/token$/)],
  ['curl-github', says(/^Cop.*\/federated\/orders\/oauth\/v2\/token$/)],
  ['zitadel-slow', isPressed('zitadel-slow', true)],
  ['zitadel-500', isPressed('zitadel-slow', false)],
  ['zitadel-429', isPressed('zitadel-429', true)],
  ['zitadel-429', isPressed('zitadel-429', false)],
  ['minute', `document.getElementById('clock').textContent.includes('+9 h 1 min')`],
  ['token', badge('orders', 'ZITADEL 2'), 'orders'],
  ['token', badge('billing', 'ZITADEL 1'), 'billing'],
  ['token', badge('shipping', 'ZITADEL 1'), 'shipping'],
  ['table-away', isPressed('table-away', true)],
  ['sandbox', says(/^A new sandbox/)],
  ['token', hasLine(/reports.*degraded.*table/), 'reports'],
  ['table-away', isPressed('table-away', false)],
  ['secrets-away', isPressed('secrets-away', true)],
  ['sandbox', says(/^A new sandbox/)],
  ['token', badge('shipping', 'no token 1'), 'shipping'],
  ['secrets-away', isPressed('secrets-away', false)],
  ['replace', says(/^zitadel\/orders has another credential/)],
  ['revoke', hasLine(/revoke.*orders/)],
  ['flush', says(/^Every token of orders is void/)],
  ['lock', isPressed('lock', true)],
  ['lock', isPressed('lock', false)],
];

async function play(steps: readonly Step[]): Promise<void> {
  for (const [id, shown, profile] of steps) {
    await click(id, profile);
    await browser.until(shown);
  }
}

async function click(id: string, profile?: string): Promise<void> {
  await browser.evaluate(`document.getElementById('status').textContent = ''`);
  await browser.evaluate(`${buttonOf(id, profile)}.click()`);
  await browser.until(`${status} !== ''`);
}

interface AxNode {
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly ignored?: boolean;
}

describe.skipIf(chromium === undefined)('the page in Chromium', () => {
  beforeAll(async () => {
    local = await createPageStack();
    browser = await startChromium(chromium ?? '');
    await browser.open(local.page.address);
    await browser.until(`document.querySelector('[data-id]') !== null`);
  });
  afterAll(async () => {
    await browser.close();
    await local.close();
  });

  test('everything that can be used has a name of its own, and the page has a structure', async () => {
    const { nodes } = (await browser.call('Accessibility.getFullAXTree')) as unknown as { nodes: readonly AxNode[] };
    const named = (role: string) =>
      nodes.filter((node) => !node.ignored && node.role?.value === role).map(({ name }) => name?.value ?? '');
    const controls = [...named('button'), ...named('radio').map((name) => `choose ${name.trim()}`)];
    expect(controls.length).toBeGreaterThan(25);
    expect(controls).not.toContain('');
    expect(new Set(controls).size).toBe(controls.length);
    expect(controls).toContain('Get a token: orders');
    expect(controls).toContain('choose reports');
    expect(named('heading')).toEqual(
      expect.arrayContaining(['ZITADEL token broker, live', 'Profiles', 'Tokens', 'Switches', 'Log', 'orders']),
    );
    expect([named('main').length, named('banner').length, named('status').length]).toEqual([1, 1, 1]);
    expect(named('region').sort()).toEqual(['Log', 'Profiles', 'Switches', 'Tokens']);
    expect(named('columnheader')).toContain('profile');
    expect(await browser.evaluate('document.documentElement.lang')).toBe('en');
  });

  test('ZITADEL down, +8 h, and callers are still served', async () => {
    await play(STORY);
    // The picture in README: PAGE_PICTURE=docs/images/page.png vitest run test/infra/page-browser.test.ts
    if (process.env.PAGE_PICTURE === undefined) return;
    const { data } = await browser.call('Page.captureScreenshot', { format: 'png' });
    writeFileSync(process.env.PAGE_PICTURE, Buffer.from(String(data), 'base64'));
  });

  test('every other button works, and its effect is seen', async () => {
    await play(OTHERS);
    await browser.evaluate(`document.getElementById('chosen-reports').click()`);
    await browser.until(`[...document.querySelectorAll('legend')].some((it) => /: reports$/.test(it.textContent))`);
    await click('rotate');
    await browser.until(hasLine(/rotate.*finishSecret/));
    const ids = await browser.evaluate<string[]>(
      `[...new Set([...document.querySelectorAll('[data-id]')].map(({ dataset }) => dataset.id))].sort()`,
    );
    expect(ids).toEqual([...new Set([...[...STORY, ...OTHERS].map(([id]) => id), 'rotate'])].sort());
    const named = `document.querySelector('.bar').ariaLabel`;
    expect(await browser.evaluate(named)).toMatch(
      /^Life of the token of orders: .*left, renewal: from 8 h 24 min to 9 h/,
    );
  });

  test('a button that cannot be used says why', async () => {
    await click('token', 'portal');
    expect(await browser.evaluate(status)).toMatch(/exchanges the tokens of its callers/);
    const described = `document.getElementById(${buttonOf('token', 'portal')}.getAttribute('aria-describedby'))`;
    expect(await browser.evaluate(`${described}.textContent`)).toMatch(/exchanges the tokens of its callers/);
    expect(local.lines.some((line) => line.includes('"profile":"portal"'))).toBe(false);
  });

  test('with the keyboard alone: every control in the order of the page, with a visible focus', async () => {
    const wanted = await browser.evaluate<string[]>(
      `[...document.querySelectorAll('input:checked, button')].map((it) => it.ariaLabel ?? (it.id || it.textContent))`,
    );
    await browser.evaluate(`document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)`);
    await browser.evaluate(`document.querySelector('h1').tabIndex = -1; document.querySelector('h1').focus()`);
    const seen: unknown[] = [];
    for (const _ of wanted) {
      await browser.press('Tab');
      const focused = 'const it = document.activeElement; const { outlineStyle } = getComputedStyle(it);';
      seen.push(
        await browser.evaluate(
          `(() => { ${focused} return outlineStyle === 'none' ? 'invisible' : it.ariaLabel ?? (it.id || it.textContent); })()`,
        ),
      );
    }
    expect([...seen].sort()).toEqual([...wanted].sort());
    expect(seen.filter((name) => name !== 'chosen-reports')).toEqual(
      wanted.filter((name) => name !== 'chosen-reports'),
    );

    await browser.evaluate(`${buttonOf('zitadel-down')}.focus()`);
    await browser.press(' ');
    await browser.until(isPressed('zitadel-down', true));
    await browser.press('Enter');
    await browser.until(isPressed('zitadel-down', false));
  });

  test('it asks nobody else for anything, and reports no error', async () => {
    const urls = browser.events('Network.requestWillBeSent').map(({ request }) => (request as { url: string }).url);
    expect(urls.length).toBeGreaterThan(30);
    expect(urls.filter((url) => !url.startsWith(`${local.page.url}/`))).toEqual([]);
    expect(browser.events('Runtime.exceptionThrown')).toEqual([]);
    expect(browser.events('Runtime.consoleAPICalled')).toEqual([]);
    expect(browser.events('Log.entryAdded')).toEqual([]);
  });

  test('without the key it says what to do; when the stack ends, it says so', async () => {
    await browser.open(`${local.page.url}/?`);
    await browser.until(says(/^the key is missing or wrong: open the address/));
    await browser.open(local.page.address.replace('/#', '/?again#'));
    await browser.until(`document.querySelector('[data-id]') !== null`);
    await local.page.close();
    await browser.until(says(/^The local stack (has ended|does not answer)/));
  });
});
