import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBody } from '../../infra/local/stand-in.ts';
import { caller } from '../support/principals.ts';
import { accounts, createRig, type Rig, SECRETS } from '../support/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** Nobody writes so many characters of a secret by chance. */
const FRAGMENT = 12;

/** All pieces of a secret, as it is and in the spellings in which it travels. */
function fragments(secret: string): Set<string> {
  const spellings = [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(secret).toString('hex'),
  ];
  const pieces = new Set<string>();
  for (const spelling of spellings) {
    for (let at = 0; at + FRAGMENT <= spelling.length; at += 1) pieces.add(spelling.slice(at, at + FRAGMENT));
  }
  return pieces;
}

function leaks(text: string, secrets: readonly string[]): string[] {
  const windows = new Set<string>();
  for (let at = 0; at + FRAGMENT <= text.length; at += 1) windows.add(text.slice(at, at + FRAGMENT));
  return secrets.filter((secret) => [...fragments(secret)].some((piece) => windows.has(piece)));
}

const pemBody = (pem: string): string => pem.split('\n').slice(1, -2).join('');

test('the search finds a planted secret', () => {
  const secret = accounts.saSecret.clientSecret;
  expect(leaks(`an error: ${secret.slice(10, 24)}`, [secret])).toEqual([secret]);
  expect(leaks(Buffer.from(secret).toString('hex'), [secret])).toEqual([secret]);
  expect(leaks('an error without any', [secret])).toEqual([]);
});

test('no secret, assertion, token or header reaches a log line or an error, though ZITADEL repeats what it was sent', async () => {
  const secrets = new Set<string>([
    accounts.saSecret.clientSecret,
    accounts.saSecretOdd.clientSecret,
    accounts.oidcSecret.clientSecret,
    pemBody(accounts.saKey.key.key),
    pemBody(accounts.oidcKey.key),
    caller.secretAccessKey,
  ]);
  let isHostile = false;
  rig.zitadel.intercept(async (req: IncomingMessage, res: ServerResponse) => {
    const { authorization = '' } = req.headers;
    if (authorization !== '') secrets.add(authorization.replace('Basic ', ''));
    if (!isHostile) return false;
    const body = await readBody(req);
    for (const [name, value] of new URLSearchParams(body)) {
      if (/assertion$|token$/.test(name)) secrets.add(value);
    }
    res.writeHead(400, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ error: 'invalid_request', error_description: `no good: ${body} ${authorization}` }));
    return true;
  });

  const replies: string[] = [];
  const profiles = ['orders', 'odd', 'reports', 'billing', 'shipping', 'api'];
  for (const profile of profiles) {
    const reply = await rig.pass(rig.ask({ profile }));
    if (reply.status === 200) secrets.add(String(reply.json.access_token));
    else replies.push(reply.text);
  }
  const subject = String((await rig.pass(rig.ask())).json.access_token);
  const tokenForm = `token=${encodeURIComponent(subject)}`;
  const exchangeForm = `grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=${encodeURIComponent(subject)}&subject_token_type=urn:ietf:params:oauth:token-type:access_token`;
  const withTokens = [
    { profile: 'exchanging', form: exchangeForm },
    { profile: 'introspecting', endpoint: 'introspect' as const, form: tokenForm },
    { profile: 'revocable', endpoint: 'revoke' as const, form: tokenForm },
  ];
  for (const request of withTokens) {
    const { json } = await rig.pass(rig.ask(request));
    if (typeof json.access_token === 'string') secrets.add(json.access_token);
  }
  isHostile = true;
  rig.restart();
  for (const request of withTokens) replies.push((await rig.pass(rig.ask(request))).text);
  await rig.clock.advance(12 * 3_600_000);
  for (const profile of profiles) {
    const reply = await rig.pass(rig.ask({ profile }));
    expect(reply.status).toBe(502);
    replies.push(reply.text, JSON.stringify(reply.headers));
  }
  for (const [name, secret] of Object.entries(SECRETS)) rig.secretsManager.put(name, secret.slice(0, -3));
  await rig.clock.advance(3_600_000);
  for (const profile of profiles) replies.push((await rig.pass(rig.ask({ profile }))).text);

  expect(secrets.size).toBeGreaterThanOrEqual(17);
  expect(leaks([...rig.lines, ...replies].join('\n'), [...secrets])).toEqual([]);
});
