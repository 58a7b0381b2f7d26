import { hkdfSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBody } from '../../infra/local/stand-in.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { parseCredential } from '../../lib/zitadel/credential.ts';
import { createCanaries } from '../support/canaries.ts';
import { caller } from '../support/principals.ts';
import { accounts, createRig, type Rig, SECRETS } from '../support/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const pemBody = (pem: string): string => pem.split('\n').slice(1, -2).join('');

test('the search finds a planted secret', () => {
  const canaries = createCanaries();
  const secret = accounts.saSecret.clientSecret;
  canaries.plant('it', secret);
  const piece = secret.slice(10, 24);
  for (const text of [piece.slice(0, 8), encodeURIComponent(piece), Buffer.from(`a${piece}`).toString('base64')]) {
    expect(canaries.search(`an error: ${text}.`)).toEqual(['it']);
  }
  expect(canaries.search(Buffer.from(piece).toString('hex'))).toEqual(['it']);
  expect(canaries.search(Buffer.from(piece).toString('hex').toUpperCase())).toEqual(['it']);
  expect(canaries.search(`an error without any: ${piece.slice(0, 7)}`)).toEqual([]);
});

test('of a secret in hexadecimal digits, twice as many are a piece', () => {
  const canaries = createCanaries();
  const signature = 'c8b44bc94d41908330cd018fba594df4';
  canaries.plant('it', signature);
  expect(canaries.search(`id: ${signature.slice(3, 19)}`)).toEqual(['it']);
  expect(canaries.search(`id: ${signature.slice(3, 18)}`)).toEqual([]);
});

test('the header of a sealed token is read, and its base64 is no piece of another header', () => {
  const header = (members: object) => Buffer.from(JSON.stringify(members)).toString('base64url');
  const canaries = createCanaries();
  const token = `${header({ alg: 'dir', enc: 'A256GCM', iv: 'QQmuxMj1jJDfsYY9' })}.aGlkZGVu.aXQ`;
  canaries.plant('token', token);
  const sealed = (kid: string) => `${header({ alg: 'dir', enc: 'A256GCM', kid })}..Lai6bQGErAMHQxuK.kSpkmkofWbWFD`;
  expect(canaries.search(sealed('QQmuxMj1jJDfsYY9'))).toEqual([]);
  expect(canaries.search(sealed(token.slice(-9)))).toEqual(['token']);
  expect(canaries.search(token)).toEqual(['token']);
});

/** The keys that seal rows, as whoever holds the credentials derives them. */
function sealingKeys(): string[] {
  return Object.values(SECRETS).flatMap((text) => {
    const credential = parseCredential(redacted(text));
    if (!credential.ok) throw new Error(credential.error.problem);
    const { material } = credential.value;
    const key = hkdfSync('sha256', material.reveal(), 'zitadel-token-broker', 'sealing key v1', 32);
    return [Buffer.from(key).toString('base64'), Buffer.from(key).toString('hex')];
  });
}

/** Everything that is in the table. */
async function rows(): Promise<string> {
  const client = new DynamoDBClient();
  const { Items } = await client.send(new ScanCommand({ TableName: 'tokens' }));
  client.destroy();
  return JSON.stringify(Items);
}

test('no secret, assertion, token or header reaches a log line or an error, though ZITADEL repeats what it was sent', async () => {
  const secrets = new Set<string>([
    accounts.saSecret.clientSecret,
    accounts.saSecretOdd.clientSecret,
    accounts.oidcSecret.clientSecret,
    pemBody(accounts.saKey.key.key),
    pemBody(accounts.oidcKey.key),
    caller.secretAccessKey,
    ...sealingKeys(),
  ]);
  const signatures = (req: IncomingMessage) => {
    secrets.add(req.headers.authorization?.split('Signature=')[1] ?? caller.secretAccessKey);
    return false;
  };
  for (const standIn of [rig.gateway, rig.secretsManager, rig.table]) standIn.intercept(signatures);
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

  const canaries = createCanaries();
  for (const [index, secret] of [...secrets].entries()) canaries.plant(`secret ${index}`, secret);
  expect(canaries.count()).toBeGreaterThanOrEqual(40);
  const stored = await rows();
  expect(stored.length).toBeGreaterThan(1_000);
  expect(canaries.search([...rig.lines, ...replies, stored].join('\n'))).toEqual([]);
});
