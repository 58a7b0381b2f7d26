import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSecrets } from '../../infra/local/secrets-file.ts';
import { SECRETS } from '../support/accounts.ts';
import { profilesOf } from '../support/profiles.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'secrets-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const ARN = 'arn:aws:secretsmanager:us-east-1:210987654321:secret:zitadel/orders-a1B2c3';
const shared = { issuer: 'https://zitadel.example', callers: ['arn:aws:iam::123456789012:role/orders-service'] };

/** Reads a file of this content for profiles of which each has these fields. */
async function read(content: string | Buffer, fields: Readonly<Record<string, object>>) {
  const file = join(home, 'secrets.json');
  writeFileSync(file, content);
  const profiles = Object.entries(fields).map(([name, more]) => [name, { ...shared, ...more }]);
  return readSecrets(file, profilesOf({ profiles: Object.fromEntries(profiles) }));
}
const json = (secrets: object) => JSON.stringify(secrets);

describe('every form of a reference is found', () => {
  test.each([
    ['a name', { 'zitadel/orders': SECRETS.orders }, 'zitadel/orders'],
    ['JSON as such', { 'zitadel/orders': JSON.parse(SECRETS.orders) }, 'zitadel/orders'],
    ['a full ARN', { [ARN]: SECRETS.orders }, ARN],
    ['a full ARN, by its name', { 'zitadel/orders': SECRETS.orders }, ARN],
    ['a name, by its ARN', { [ARN]: SECRETS.orders }, 'zitadel/orders'],
    ['a member', { 'zitadel/all': json({ orders: JSON.parse(SECRETS.orders) }) }, 'zitadel/all#orders'],
    ['a member of an ARN', { 'zitadel/orders': { orders: SECRETS.orders } }, `${ARN}#orders`],
  ])('%s', async (_name, secrets, secret) => {
    const found = await read(json(secrets), { orders: { secret } });
    expect(Object.keys(found)).toContain(secret.split('#')[0]);
  });

  test.each([
    ['a byte order mark', Buffer.from(`\ufeff${json({ orders: SECRETS.orders })}`)],
    ['UTF-16', Buffer.from(`\ufeff${json({ orders: SECRETS.orders })}`, 'utf16le')],
  ])('in a file with %s', async (_name, bytes) => {
    expect(await read(bytes, { orders: { secret: 'orders' } })).toEqual({ orders: SECRETS.orders });
  });
});

describe('says what is wrong before anything starts', () => {
  const all = { secret: 'orders', introspection: 'api', revocation: { secret: 'app', callers: [] } };
  test.each<[string, string, object, RegExp]>([
    [
      'a comma too much',
      '{\n  "orders": "canary",,\n}',
      { secret: 'orders' },
      /secrets\.json:2:\d+: is not valid JSON$/,
    ],
    [
      'a quote that is missing',
      '{ "orders": "canary }',
      { secret: 'orders' },
      /secrets\.json:1:\d+: is not valid JSON$/,
    ],
    [
      'a name that is there twice',
      '{\n  "orders": "canary",\n  "orders": "b"\n}',
      { secret: 'orders' },
      /:3:3: this name is there twice$/,
    ],
    ['a list', '\n ["canary"]', { secret: 'orders' }, /secrets\.json:2:2: must be a JSON object/],
    ['nothing', '', { secret: 'orders' }, /secrets\.json:1:1: must be a JSON object/],
    [
      'a tab and Windows line ends after a byte order mark',
      '\ufeff{\r\n\t"orders": "canary",\r\n\t"orders": 1\r\n}',
      { secret: 'orders' },
      /secrets\.json:3:2: this name is there twice$/,
    ],
    ['an alias of nothing', '{ "orders": *canary }', { secret: 'orders' }, /:1:13: this alias names nothing$/],
    [
      'an alias within itself',
      'orders: &canary\n  a: *canary\n',
      { secret: 'orders' },
      /:2:6: this alias is within what it names$/,
    ],
    ['a number', '{\n  "orders": 5\n}', { secret: 'orders' }, /secrets\.json:2:13: profile mine: secret orders: /],
    [
      'all that is missing',
      json({ orders: SECRETS.orders }),
      all,
      /lacks the secret\(s\) api, app, which the profiles name$/,
    ],
    [
      'the whole for a member',
      json({ all: '{}' }),
      { secret: 'all#orders' },
      /secrets\.json:1:8: profile mine: secret all#orders: member orders is missing/,
    ],
    [
      'a bare secret',
      json({ orders: 'canary-canary' }),
      { secret: 'orders' },
      /profile mine: secret orders: secret is a plain text of 13 characters; store/,
    ],
    [
      'a key that obtains no token',
      json({ app: SECRETS.billing }),
      { secret: 'app' },
      /profile mine: secret app: an application key obtains no token on its own/,
    ],
    [
      'a key that cannot exchange',
      json({ sa: SECRETS.reports }),
      { secret: 'sa', scopes: ['urn:zitadel:iam:org:project:id:1:aud'], exchange: {} },
      /secret sa: a service-account key cannot exchange/,
    ],
    [
      'a key that cannot introspect',
      json({ orders: SECRETS.orders, sa: SECRETS.reports }),
      { secret: 'orders', introspection: 'sa' },
      /secret sa: a service-account key cannot introspect or revoke/,
    ],
    [
      'several at once',
      json({ orders: 'canary', api: SECRETS.reports, app: '{"clientId":"canary"}' }),
      all,
      /secret orders: .*\n.*secret api: .*\n.*secret app: clientSecret is missing/,
    ],
  ])('%s', async (_name, content, fields, problem) => {
    const refused = read(content, { mine: fields });
    await expect(refused).rejects.toThrow(problem);
    await expect(refused).rejects.not.toThrow(/canary/);
  });
});
