import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CancelRotateSecretCommand,
  GetSecretValueCommand,
  ListSecretVersionIdsCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RotationFunction } from '../../infra/local/secrets-manager/rotations.ts';
import { publishLocalStack } from '../../infra/local/state.ts';
import { rotate } from '../../infra/operations/rotate.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { createRotateFunction } from '../../lib/compose/rotate.ts';
import { createCanaries } from '../support/canaries.ts';
import { profilesOf } from '../support/profiles.ts';
import { accounts, createRig, PROJECT_AUDIENCE, profilesFor, type Rig, SECRETS } from '../support/rig.ts';
import { turn, until } from '../support/turns.ts';

const EVERY = { every: '30d' };
const BY = { ...EVERY, by: 'reports' };
const CHANGES = {
  reports: { rotation: EVERY },
  odd: { rotation: EVERY },
  // That of the rig misuses an API application.
  api: { secret: 'shipping' },
  billing: { rotation: BY },
  introspecting: { secret: 'reports', introspection: { secret: 'api', rotation: BY } },
};

const { keyId: ORIGINAL, userId: REPORTS, key: PEM } = accounts.saKey.key;
const { userId: ORDERS } = accounts.saSecret;
const MINUTE = 60_000;

let rig: Rig;
let client: SecretsManagerClient;
let rotateFunction: RotationFunction;
let withdraw: () => void;
let port: string;
/** Everything that the command has printed. */
let printed: string[];

/** Publishes the rig as `npm start` publishes a stack. */
function publish(profiles: Profiles, secretsManagerUrl = rig.secretsManager.url): void {
  withdraw = publishLocalStack(port, {
    region: 'eu-central-1',
    tableUrl: rig.table.url,
    tableName: 'tokens',
    secretsManagerUrl,
    profiles: [...profiles],
  });
}

beforeEach(async () => {
  rig = await createRig({ changes: CHANGES });
  rig.zitadel.owners([REPORTS]);
  const env = { BROKER_LOCAL: 'true', METRICS_NAMESPACE: 'test' };
  const write = (line: string) => rig.lines.push(line);
  rotateFunction = createRotateFunction(rig.profiles, env, { clock: rig.clock, write });
  rig.secretsManager.rotateWith(rotateFunction);
  client = new SecretsManagerClient({});
  port = String(rig.gateway.port);
  publish(rig.profiles);
  printed = [];
});

const read = async (SecretId: string, VersionId?: string): Promise<string> => {
  const input = { SecretId, ...(VersionId && { VersionId }) };
  return (await client.send(new GetSecretValueCommand(input)).catch(() => undefined))?.SecretString ?? '{}';
};

const versions = async (SecretId: string) =>
  (await client.send(new ListSecretVersionIdsCommand({ SecretId, IncludeDeprecated: true }))).Versions ?? [];

/** The secrets of all versions: private keys in one line, as they are in no text but a key. */
async function secretsOf(name: string): Promise<string[]> {
  const texts = await Promise.all((await versions(name)).map(({ VersionId }) => read(name, VersionId)));
  return texts.flatMap((text) => {
    const { key = '', clientSecret, client_secret: other = clientSecret } = JSON.parse(text);
    return [key.split('\n').slice(1, -2).join(''), other].filter((secret) => secret?.length > 0);
  });
}

afterEach(async () => {
  rig.secretsManager.intercept(undefined);
  const canaries = createCanaries();
  for (const name of Object.keys(SECRETS)) {
    for (const secret of await secretsOf(name)) canaries.plant(name, secret);
  }
  expect(canaries.count()).toBe(Object.keys(SECRETS).length);
  expect(canaries.search(printed.join('\n'))).toEqual([]);
  client.destroy();
  withdraw();
  await rig.close();
});

/** What the command prints, or its error; `drive` lets time pass. */
const command = async (args: readonly string[], drive = rig.pass): Promise<string> => {
  const given = rotate(args, { clock: rig.clock, note: (line) => printed.push(line) });
  const said = await drive(given.catch((error: Error) => `${error.constructor.name}: ${error.message}`));
  printed.push(said);
  return said;
};
const local = (...args: readonly string[]) => command(['--local', '--port', port, ...args]);
const reports = (...args: readonly string[]) => local('--profile', 'reports', ...args);

/** Lets time pass without pause: only for what waits for the clock alone. */
async function rush<T>(promise: Promise<T>): Promise<T> {
  let isDone = false;
  const settled = promise.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await rig.clock.advance(1_000);
    await turn();
  }
  return settled;
}
const rushed = (...args: readonly string[]) =>
  command(['--local', '--port', port, '--profile', 'reports', ...args], rush);

/** What a deployment does. */
const configure = async (SecretId: string, more: object = {}) => {
  await client.send(
    new RotateSecretCommand({
      SecretId,
      RotationLambdaARN: 'arn:aws:lambda:eu-central-1:123456789012:function:rotate',
      RotationRules: { AutomaticallyAfterDays: 30 },
      RotateImmediately: false,
      ...more,
    }),
  );
  await rig.pass(rig.secretsManager.settled());
};

/** The ids of an account's keys at ZITADEL. */
async function keysOf(userId: string): Promise<string[]> {
  const answer = await fetch(`${rig.zitadel.url}/v2/users/keys/search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accounts.admin.personalAccessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ pagination: { asc: true }, filters: [{ userIdFilter: { id: userId } }] }),
  });
  const { result = [] } = (await answer.json()) as { result?: { id: string }[] };
  return result.map(({ id }) => id);
}

/** The key of each label; `''` for a version without one. */
async function labels(name: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { VersionId, VersionStages = [] } of await versions(name)) {
    for (const label of VersionStages) found[label] = JSON.parse(await read(name, VersionId)).keyId ?? '';
  }
  return found;
}
const idOf = async (name: string, label: string) =>
  (await versions(name)).find(({ VersionStages = [] }) => VersionStages.includes(label))?.VersionId ?? '';

const arnOf = async (SecretId: string) => (await client.send(new GetSecretValueCommand({ SecretId }))).ARN ?? '';

/** What Secrets Manager does on schedule. */
const rotateOnce = (name: string) => configure(name, { RotateImmediately: true });

/** Rotates until the original key is no longer AWSPREVIOUS. */
async function rotateTwice(): Promise<readonly [before: string, now: string]> {
  for (let count = 0; count < 2; count += 1) await rotateOnce('reports');
  const { AWSPREVIOUS: before = '', AWSCURRENT: now = '' } = await labels('reports');
  return [before, now];
}

/** Two more keys of the account: one of no rotation, and one with the mark of another secret's. */
function addKeys(): void {
  rig.zitadel.addKey({ holder: REPORTS, keyId: '1', key: PEM });
  rig.zitadel.addKey({ holder: REPORTS, keyId: '2', key: PEM, expirationDate: '2030-01-01T00:00:00.123Z' });
}

/** Handles the calls of one operation of Secrets Manager. */
const onCall = (operation: string, handle: (req: IncomingMessage, res: ServerResponse) => boolean) =>
  rig.secretsManager.intercept((req, res) =>
    req.headers['x-amz-target'] === `secretsmanager.${operation}` ? handle(req, res) : false,
  );

const refuse = (operation: string, type = 'AccessDeniedException') =>
  onCall(operation, (_req, res) => {
    res.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    res.end(JSON.stringify({ __type: type, Message: 'no' }));
    return true;
  });

/** A rotation of reports that fails: the new key is at ZITADEL, and AWSPENDING is on a version without a value. */
async function failToStore(): Promise<string> {
  await configure('reports');
  refuse('PutSecretValue');
  await client.send(new RotateSecretCommand({ SecretId: 'reports' }));
  await rig.pass(rig.secretsManager.settled());
  return idOf('reports', 'AWSPENDING');
}

/** Of one operation, the calls happen and their replies are lost. */
const loseReplies = (operation: string) =>
  onCall(operation, (_req, res) => {
    res.end = () => res.destroy();
    return false;
  });

/** Handles the token requests at ZITADEL, counted from 1. A true result means that `look` has answered. */
function onToken(look: (count: number, res: ServerResponse) => unknown): void {
  let count = 0;
  rig.zitadel.intercept((req, res) => {
    if (req.url !== '/oauth/v2/token') return false;
    count += 1;
    return Boolean(look(count, res));
  });
}

/** Makes this content AWSPREVIOUS; AWSCURRENT keeps its own. */
async function putBefore(content: string): Promise<void> {
  const now = await read('reports');
  rig.secretsManager.put('reports', content);
  rig.secretsManager.put('reports', now);
}

const pendingOn = (MoveToVersionId: string) =>
  client.send(
    new UpdateSecretVersionStageCommand({ SecretId: 'reports', VersionStage: 'AWSPENDING', MoveToVersionId }),
  );

const failing: RotationFunction = async () => {
  throw new Error('the step failed');
};

describe('--status', () => {
  test('of all secrets, before and after a deployment has configured their rotations', async () => {
    const before = await local();
    expect(before).toContain('reports (reports, introspecting): no rotation is configured yet: npm run deploy does');
    expect(before.split('no rotation is configured yet')).toHaveLength(5);
    for (const name of ['reports', 'billing', 'api']) await configure(name);
    const after = await local('--status');
    expect(after).toContain(
      'reports (reports, introspecting): rotates every 30 days, never rotated, next by 2026-12-23T23:59:59Z\n' +
        'VERSION                               LABELS      KEY                 CREATED               EXPIRES               AGE\n' +
        `${await idOf('reports', 'AWSCURRENT')}  AWSCURRENT  ${ORIGINAL}  2026-11-23T12:57:11Z  2030-01-01T00:00:00Z  0 days  made by hand\n`,
    );
    expect(after).toMatch(/^billing \(billing\): .*\n.*\n.* {2}400879214598818854 .* made by hand$/m);
    expect(after).toMatch(/^api \(introspecting\): .*\n.*\n.* {2}400879214447823910 .* made by hand$/m);
    expect(after).toContain(
      `AWSCURRENT is a client secret; npm run rotate -- --local --port ${port} --to-key odd replaces it with a key\n`,
    );
  });

  test('after two rotations: marks, ages, and the original key', async () => {
    const [before, now] = await rotateTwice();
    addKeys();
    await rig.clock.advance(3 * 24 * 60 * MINUTE);
    const said = await reports('--status');
    expect(said).toMatch(new RegExp(`AWSCURRENT +${now} +2026-11-\\S+ +2027-02-06T\\S+\\.\\d{6}Z +3 days$`, 'm'));
    expect(said).toMatch(new RegExp(`AWSPREVIOUS +${before} .* 3 days$`, 'm'));
    const others = said.split('Other keys of the same holder at ZITADEL:\n')[1]?.split('\n') ?? [];
    expect(others.map((line) => line.replace(/ +created .* expires \S+ +/, ': '))).toEqual([
      `  ${ORIGINAL}: the original key, made by hand: --retire-original removes it`,
      '  1: not of this rotation',
      '  2: made by the rotation of another secret',
      '',
    ]);
  });

  test('a rotation that failed, what it left, and a key that was removed', async () => {
    const pending = await failToStore();
    const said = await reports('--status');
    expect(said).toMatch(new RegExp(`^${pending} +AWSPENDING +no value yet$`, 'm'));
    const again = `npm run rotate -- --local --port ${port} --profile reports`;
    expect(said).toContain(
      `AWSPENDING is on version ${pending}: a rotation is under way, or has failed. After a failure none can start:\n` +
        `  ${again} --now tries it again\n  ${again} --clear-pending gives it up\n`,
    );
    expect(said).toMatch(/ {2}left by a rotation that did not finish; the next one removes it\n$/);
    rig.secretsManager.intercept(undefined);
    await reports('--now');
    rig.zitadel.removeKey(ORIGINAL);
    expect(await reports('--status')).toMatch(/AWSPREVIOUS .* ZITADEL does not list it: removed, or expired$/m);
  });

  test('switched off', async () => {
    await configure('reports');
    await client.send(new CancelRotateSecretCommand({ SecretId: 'reports' }));
    expect(await reports('--status')).toContain(
      'rotation is switched off, which a deployment does not change\n' +
        `  npm run rotate -- --local --port ${port} --profile reports --now rotates and switches it on\n` +
        `  aws secretsmanager rotate-secret --region eu-central-1 --endpoint-url ${rig.secretsManager.url} --secret-id reports --no-rotate-immediately only switches it on\n`,
    );
    expect(await reports('--now')).toContain('Rotation was switched off; it is on again.');
    expect(await reports('--status')).toContain('rotates every 30 days, last rotated');
  });

  test('without the keys at ZITADEL', async () => {
    rig.zitadel.removeKey(ORIGINAL);
    expect(await reports('--status')).toMatch(
      /^The keys at ZITADEL are unknown: no token for ZITADEL's API: status [45]00/m,
    );
    rig.secretsManager.put('reports', '{"no":"key"}');
    expect(await reports('--status')).toMatch(/an unusable credential: secret has only the members no; store/);
  });

  test('an AWS that answers for a version without a value', async () => {
    onCall('GetSecretValue', (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{"Name":"reports"}');
      return true;
    });
    expect(await reports('--status')).toMatch(/ AWSCURRENT +no value yet$/m);
  });

  test('no profile rotates', async () => {
    publish(profilesOf(profilesFor(rig.zitadel.url)));
    expect(await local()).toBe(
      `the local stack on port ${port}: no key rotates; docs/rotation.md says how to set it up.\n`,
    );
  });
});

describe('--now', () => {
  test.each([
    ['an account', 'reports', []],
    ['an application', 'billing', []],
    ['an application that introspects', 'introspecting', ['--secret', 'api']],
  ])('the key of %s', async (_what, profile, which) => {
    const secret = which[1] ?? profile;
    await configure(secret);
    const { AWSCURRENT: old } = await labels(secret);
    const said = await local('--profile', profile, ...which, '--now');
    const { AWSCURRENT: now, AWSPREVIOUS: previous } = await labels(secret);
    expect(previous).toBe(old);
    expect(said).toContain(`${secret}: key ${now} has replaced key ${old}.\n`);
    expect(said).toMatch(/was made by hand, so no rotation removes it:\n.*--retire-previous removes it now,\n.*orig/);
    const again = await local('--profile', profile, ...which, '--now');
    expect(again).toContain(`has replaced key ${now}.\n`);
    expect(again).toMatch(/ stays at ZITADEL until the end of the next rotation, which begins by 2026-12-23T23:59:59Z/);
  });

  test('nothing is configured, or AWSCURRENT is no key: nothing starts', async () => {
    expect(await reports('--now')).toBe(
      'OperationError: no rotation of reports is configured yet: npm run deploy does that',
    );
    await configure('odd');
    expect(await local('--profile', 'odd', '--now')).toBe(
      `OperationError: odd: AWSCURRENT is a client secret; npm run rotate -- --local --port ${port} --to-key odd replaces it with a key`,
    );
    rig.secretsManager.put('odd', '{"no":"key"}');
    expect(await local('--profile', 'odd', '--now')).toContain('AWSCURRENT has an unusable credential');
    expect(Object.keys(await labels('odd'))).toEqual(expect.not.arrayContaining(['AWSPENDING']));
  });

  test('a rotation that fails: it says where the reason is, and the next try finishes it', async () => {
    await configure('reports');
    rig.secretsManager.rotateWith(failing);
    expect(await rushed('--now')).toMatch(
      /^OperationError: reports: the rotation has not ended in 5 minutes, and Secrets Manager tries it again\. AWSCURRENT has not moved: .* The field error in the log of npm start says .*--status says how it stands\.$/,
    );
    expect(printed[0]).toBe('reports: a rotation has started');
    expect(printed[1]).toMatch(/^reports: the rotation has not ended after 1\d s$/);
    const pending = await idOf('reports', 'AWSPENDING');
    rig.secretsManager.rotateWith(rotateFunction);
    expect(await reports('--now')).toContain(`has replaced key ${ORIGINAL}.`);
    expect(printed.at(-2)).toBe('reports: an earlier rotation has not ended; Secrets Manager tries it again');
    expect(await idOf('reports', 'AWSCURRENT')).toBe(pending);
  });

  test('a rotation that gives up, and one that is cancelled', async () => {
    await configure('reports');
    let looks = 0;
    onCall('DescribeSecret', () => {
      looks += 1;
      return false;
    });
    rig.secretsManager.rotateWith(async ({ SecretId, ClientRequestToken: RemoveFromVersionId }) => {
      await until(() => looks >= 4);
      const input = { SecretId, VersionStage: 'AWSPENDING', RemoveFromVersionId };
      await client.send(new UpdateSecretVersionStageCommand(input));
      throw new Error('given up');
    });
    expect(await rushed('--now')).toContain('reports: the rotation was given up. AWSCURRENT has not moved');
    rig.secretsManager.rotateWith(async ({ SecretId }) => {
      await client.send(new CancelRotateSecretCommand({ SecretId }));
    });
    expect(await rushed('--now')).toContain('reports: the rotation was cancelled. AWSCURRENT has not moved');
  });
});

describe('--clear-pending', () => {
  test('frees a secret whose rotation has failed; a second time, nothing is pending', async () => {
    const pending = await failToStore();
    rig.secretsManager.intercept(undefined);
    expect(await reports('--clear-pending')).toContain(`AWSPENDING was removed from version ${pending}; AWSCURRENT`);
    expect(await labels('reports')).toEqual({ AWSCURRENT: ORIGINAL });
    expect(await reports('--clear-pending')).toContain('reports: nothing is pending.\n');
    await reports('--now');
    // The key that the failed rotation has added is gone.
    expect(await keysOf(REPORTS)).toEqual([ORIGINAL, (await labels('reports')).AWSCURRENT]);
  });

  test('AWSPENDING on the current version means nothing', async () => {
    await pendingOn(await idOf('reports', 'AWSCURRENT'));
    expect(await reports('--clear-pending')).toContain('nothing is pending');
    expect(await labels('reports')).toEqual({ AWSCURRENT: ORIGINAL, AWSPENDING: ORIGINAL });
  });
});

describe('--retire-previous', () => {
  test('of an account: the key goes at once; a second time, nothing is left', async () => {
    expect(await reports('--retire-previous')).toContain('reports: there is no version AWSPREVIOUS.\n');
    const [before, now] = await rotateTwice();
    expect(await reports('--retire-previous')).toBe(
      `the local stack on port ${port}, reports: AWSPREVIOUS's key ${before} was removed at ZITADEL.\n` +
        'Sandboxes that still use it read the secret again as soon as ZITADEL refuses the key.\n' +
        'Tokens that were issued with it live on until they expire. If it leaked, lock and unlock\n' +
        `the account ${REPORTS} at ZITADEL, which ends them, then: npm run flush -- --local --port ${port} --profile reports --profile introspecting\n`,
    );
    expect(await keysOf(REPORTS)).toEqual([ORIGINAL, now]);
    expect(await reports('--retire-previous')).toContain(`does not list AWSPREVIOUS's key ${before}; nothing is left`);
    expect((await rig.pass(rig.ask({ profile: 'reports' }))).status).toBe(200);
  });

  test('a profile that names the secret by its ARN uses it too', async () => {
    const arn = await arnOf('reports');
    const changes = { ...CHANGES, introspecting: { ...CHANGES.introspecting, secret: arn } };
    publish(profilesOf(profilesFor(rig.zitadel.url, changes)));
    await rotateTwice();
    expect(await local('--profile', 'introspecting', '--secret', arn, '--status')).toMatch(
      /^reports \(reports, introspecting\): /m,
    );
    expect(await local('--profile', 'introspecting', '--secret', 'reports', '--retire-previous')).toContain(
      '--profile reports --profile introspecting\n',
    );
  });

  test('of applications, also one that only introspects', async () => {
    for (const [profile, secret] of [
      ['billing', 'billing'],
      ['introspecting', 'api'],
    ] as const) {
      await rotateOnce(secret);
      const of = ['--profile', profile, '--secret', secret];
      const { AWSPREVIOUS: previous } = await labels(secret);
      const said = await local(...of, '--retire-previous');
      expect(said).toContain(`AWSPREVIOUS's key ${previous} was removed`);
      expect(said.includes('npm run flush')).toBe(secret === 'billing');
      expect(await local(...of, '--status')).toMatch(/AWSPREVIOUS .* ZITADEL does not list it/);
    }
  });

  test.each<[why: string, spoil: (now: string) => unknown, message: RegExp]>([
    [
      "AWSCURRENT's key was removed",
      (now) => rig.zitadel.removeKey(now),
      /^OperationError: reports, AWSCURRENT's key: no token for ZITADEL's API/,
    ],
    [
      "AWSCURRENT's key obtains no token of the profile",
      // The first two are for ZITADEL's API.
      () => onToken((count, res) => count > 2 && res.writeHead(503).end()),
      /^OperationError: reports: key \d+ stays, because AWSCURRENT's key does not work: no token with key \d+ in 20 s: status 503$/,
    ],
    [
      'a label moves meanwhile',
      () => onToken((count) => void (count === 3 && rig.secretsManager.put('reports', SECRETS.reports))),
      /^OperationError: reports: a label has moved meanwhile; nothing was removed, run this again$/,
    ],
    [
      'both versions have the same key',
      async () => rig.secretsManager.put('reports', await read('reports')),
      /^OperationError: reports: key \d+ stays, because AWSCURRENT names it$/,
    ],
    [
      'AWSPENDING names it',
      async () => pendingOn(await idOf('reports', 'AWSPREVIOUS')),
      /^OperationError: reports: key \d+ stays, because AWSPENDING names it$/,
    ],
    [
      'it is of another account',
      () => putBefore(JSON.stringify(accounts.saVictim.key)),
      /^OperationError: AWSPREVIOUS of reports is a key of 400879215051803686, another holder: remove it by hand$/,
    ],
    [
      'it is a client secret',
      () => putBefore(SECRETS.orders),
      /^OperationError: AWSPREVIOUS of reports is not a key: a client secret; remove it at ZITADEL/,
    ],
  ])('refused: %s', async (_why, spoil, message) => {
    const [before, now] = await rotateTwice();
    await spoil(now);
    expect(await reports('--retire-previous')).toMatch(message);
    rig.zitadel.intercept(undefined);
    expect(await keysOf(REPORTS)).toContain(before);
  });
});

describe('--retire-original', () => {
  test('only after the key has been replaced twice; a second time, there is none', async () => {
    expect(await reports('--retire-original')).toContain(`key ${ORIGINAL} is still in use: rotate first (npm run`);
    await rotateOnce('reports');
    expect(await reports('--retire-original')).toMatch(
      /is AWSPREVIOUS's: rotate once more \(npm run .* --now\), or npm run .* --retire-previous$/,
    );
    await rotateOnce('reports');
    expect(await reports('--retire-original')).toContain(`the original key ${ORIGINAL} was removed at ZITADEL.\nSand`);
    const { AWSPREVIOUS: before, AWSCURRENT: now } = await labels('reports');
    expect(await keysOf(REPORTS)).toEqual([before, now]);
    expect(await reports('--retire-original')).toMatch(
      /no original one is named by a version of the secret; nothing was removed\. npm run .* --status shows the keys\.\n$/,
    );
  });

  test('one of several', async () => {
    rig.zitadel.addKey({ holder: REPORTS, keyId: '1', key: PEM });
    rig.secretsManager.put('reports', JSON.stringify({ ...accounts.saKey.key, keyId: '1' }));
    await rotateTwice();
    expect(await reports('--retire-original')).toMatch(
      new RegExp(`several original keys, (1, ${ORIGINAL}|${ORIGINAL}, 1): name one with --key ID$`),
    );
    expect(await reports('--retire-original', '--key', '1')).toContain('the original key 1 was removed');
    expect(await keysOf(REPORTS)).not.toContain('1');
  });

  test.each<[which: string, choose: (keys: Record<string, string>) => string, message: RegExp]>([
    ['unknown', () => '99', /^the local stack .*, reports: ZITADEL lists no key 99; nothing was removed\./],
    [
      "AWSCURRENT's",
      ({ now = '' }) => now,
      /^OperationError: key \d+ stays: its expiry 2027-\S+\.\d{6}Z is the mark of/,
    ],
    ["AWSPREVIOUS's", ({ before = '' }) => before, /stays: its expiry \S+ is the mark of the rotation of reports$/],
    ["another secret's", () => '2', /^OperationError: key 2 stays: its expiry \S+ is the mark of .* another secret$/],
    ['one that no version names', () => '1', /the original key 1 was removed at ZITADEL\./],
  ])('--key ID, %s', async (_which, choose, message) => {
    const [before, now] = await rotateTwice();
    addKeys();
    expect(await reports('--retire-original', '--key', choose({ before, now }))).toMatch(message);
    const left = (await keysOf(REPORTS)).sort();
    expect(left).toEqual([ORIGINAL, before, now, '2', ...(left.length === 5 ? ['1'] : [])].sort());
  });

  test.each([
    ["AWSCURRENT's", 0, / stays, because AWSCURRENT names it$/],
    ["AWSPREVIOUS's", 1, /is AWSPREVIOUS's: npm run .* --retire-previous removes it$/],
  ])('--key ID of the original, which is %s', async (_which, rotations, message) => {
    for (let count = 0; count < rotations; count += 1) await rotateOnce('reports');
    expect(await reports('--retire-original', '--key', ORIGINAL)).toMatch(message);
    expect(await keysOf(REPORTS)).toContain(ORIGINAL);
  });
});

describe('--to-key', () => {
  test('a key replaces the client secret, and callers get tokens with it; a second time, nothing changes', async () => {
    const old = await idOf('orders', 'AWSCURRENT');
    const said = await local('--to-key', 'orders');
    const { keyId, userId, expirationDate } = JSON.parse(await read('orders'));
    const id = await idOf('orders', 'AWSCURRENT');
    expect([userId, expirationDate, await keysOf(ORDERS)]).toEqual([ORDERS, '9999-12-31T23:59:59Z', [keyId]]);
    expect(said).toBe(
      `the local stack on port ${port}, orders: key ${keyId} of the account ${ORDERS} is AWSCURRENT.\n` +
        'Sandboxes use it within 5 minutes; callers notice nothing.\n' +
        'The client secret is AWSPREVIOUS, and still good at ZITADEL. To go back to it:\n' +
        `  aws secretsmanager update-secret-version-stage --region eu-central-1 --endpoint-url ${rig.secretsManager.url} --secret-id orders --version-stage AWSCURRENT --move-to-version-id ${old} --remove-from-version-id ${id}\n` +
        `After 5 minutes, remove it at ZITADEL: in the console, or DELETE /v2/users/${ORDERS}/secret.\n` +
        'To let the key rotate, add rotation: { every: 30d } to the profile, and deploy (docs/rotation.md).\n',
    );
    expect(await labels('orders')).toEqual({ AWSCURRENT: keyId, AWSPREVIOUS: '' });
    rig.zitadel.setSecret(accounts.saSecret.clientId, undefined);
    expect((await rig.pass(rig.ask())).status).toBe(200);
    expect(await local('--to-key', 'orders')).toBe(
      `OperationError: orders holds a key already, ${keyId}; nothing was changed`,
    );
    expect(await keysOf(ORDERS)).toEqual([keyId]);
  });

  test('with a rotation, which a client secret has blocked: the key has its mark, and rotates', async () => {
    await rotateOnce('odd');
    expect(await labels('odd')).toEqual({ AWSCURRENT: '', AWSPENDING: '' });
    expect(await local('--to-key', 'odd')).toMatch(/\. From now on|\nFrom now on, the key rotates\.\n$/);
    expect(JSON.parse(await read('odd')).expirationDate).toMatch(/^2027-02-06T\d\d:\d\d:\d\d\.\d{6}Z$/);
    const { AWSCURRENT: first } = await labels('odd');
    expect(await local('--profile', 'odd', '--now')).toContain(`has replaced key ${first}.`);
    expect(await local('--profile', 'odd', '--now')).toContain('has replaced key');
    expect(await keysOf(accounts.saSecretOdd.userId)).not.toContain(first);
  });

  test.each<[what: string, spoil: () => unknown, mend: () => unknown, message: RegExp]>([
    [
      'the reply of storing the key is lost',
      () => loseReplies('PutSecretValue'),
      () => rig.secretsManager.intercept(undefined),
      /key \d+ may be stored: a second run goes on with it$/,
    ],
    [
      'ZITADEL does not know the new key yet',
      () => rig.zitadel.lag(10 * MINUTE),
      () => rig.zitadel.lag(0),
      /^OperationError: key \d+ is in AWSPENDING, and AWSCURRENT is still the client secret\. A second run goes on from there; this gives it up, .*:\n {2}aws secretsmanager update-secret-version-stage .*--version-stage AWSPENDING --remove-from-version-id \S+\nThe reason: no token with key \d+ in 20 s: status/,
    ],
    [
      'ZITADEL does not list the new key',
      () =>
        rig.zitadel.intercept((req, res) => {
          if (req.url !== '/v2/users/keys/search') return false;
          res.writeHead(200, { 'content-type': 'application/json' }).end('{"pagination":{}}');
          return true;
        }),
      () => rig.zitadel.intercept(undefined),
      /\nThe reason: ZITADEL does not list the key$/,
    ],
    [
      'the labels may not be moved',
      () => refuse('UpdateSecretVersionStage'),
      () => rig.secretsManager.intercept(undefined),
      /\nThe reason: these credentials lack secretsmanager:UpdateSecretVersionStage on the secret orders$/,
    ],
  ])('%s: AWSCURRENT stays, and a second run goes on', async (_what, spoil, mend, message) => {
    spoil();
    expect(await local('--to-key', 'orders')).toMatch(message);
    const { AWSPENDING: keyId, ...others } = await labels('orders');
    expect(others).toEqual({ AWSCURRENT: '' });
    mend();
    expect(await local('--to-key', 'orders')).toContain(`key ${keyId} of the account ${ORDERS} is AWSCURRENT.`);
    expect([await keysOf(ORDERS), await labels('orders')]).toEqual([[keyId], { AWSCURRENT: keyId, AWSPREVIOUS: '' }]);
  });

  test.each<[what: string, spoil: () => unknown, message: RegExp]>([
    [
      'the key may not be stored',
      () => refuse('PutSecretValue'),
      /^OperationError: these credentials lack secretsmanager:PutSecretValue on the secret orders, or the right on its KMS key; the new key \d+ of the account \d+ was removed again: nothing has changed$/,
    ],
    [
      'ZITADEL refuses the key',
      () => rig.zitadel.intercept((req, res) => Boolean(/\/keys$/.test(req.url ?? '') && res.writeHead(503).end())),
      /^OperationError: the account \d+ gets no key \(if ZITADEL lists one that is a moment old, remove it there\): /,
    ],
    [
      'ZITADEL does not say whose the secret is',
      () => rig.zitadel.intercept((req, res) => Boolean(/userinfo/.test(req.url ?? '') && res.writeHead(500).end())),
      /^OperationError: ZITADEL does not say whose client secret it is \(userinfo: status 500\); try again$/,
    ],
    [
      'the client secret is of an application',
      () => rig.secretsManager.put('orders', SECRETS.apiSecret),
      /^OperationError: no token for ZITADEL's API with the client secret; is it of a service account\?: status 400/,
    ],
    [
      'something else is pending',
      () => {
        const pending = { SecretString: SECRETS.reports, VersionStages: ['AWSPENDING'] };
        return client.send(new PutSecretValueCommand({ SecretId: 'orders', ...pending }));
      },
      /^OperationError: AWSPENDING of orders holds something else than a key of the account \d+\. To free it:\n {2}aws /,
    ],
    [
      'the secret is no credential',
      () => rig.secretsManager.put('orders', '{"no":"key"}'),
      /^OperationError: orders holds an unusable credential: secret has only the members no; store/,
    ],
  ])('%s: nothing changes', async (_what, spoil, message) => {
    await spoil();
    const before = await labels('orders');
    expect(await local('--to-key', 'orders')).toMatch(message);
    rig.zitadel.intercept(undefined);
    expect([await labels('orders'), await keysOf(ORDERS)]).toEqual([before, []]);
    rig.secretsManager.put('orders', SECRETS.orders);
  });

  const elsewhere = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-a1B2c3';
  test.each([
    ['an application', 'billing', {}, 'billing exchanges tokens: its secret is of an application, and only an account'],
    ["exchanges of callers' tokens", 'exchanging', {}, 'exchanging exchanges tokens'],
    ['a member', 'orders', { orders: { secret: 'all#orders' } }, 'the secret of orders holds several credentials'],
    ['another region', 'orders', { orders: { secret: elsewhere } }, 'the secret of orders is in us-east-1'],
    [
      'the grant of a client secret',
      'orders',
      { revocable: { grant: 'client_credentials' } },
      'first remove grant from revocable, and deploy',
    ],
    ['an unknown profile', 'ordres', {}, 'there is no profile "ordres"; the profiles are orders'],
  ])('refused: %s', async (_what, profile, changes, message) => {
    publish(profilesOf(profilesFor(rig.zitadel.url, changes)));
    const calls = rig.secretsManager.calls();
    expect(await local('--to-key', profile)).toContain(`UsageError: ${message}`);
    expect(rig.secretsManager.calls()).toBe(calls);
  });
});

describe('the command line', () => {
  test.each<[args: string, message: string]>([
    ['--now', 'say which profile: --profile P'],
    ['--profile reports --now --clear-pending', '--now and --clear-pending cannot be combined'],
    ['--profile reports --status --to-key orders', '--status and --to-key cannot be combined'],
    ['--profile reports --to-key orders', '--to-key P names the profile itself'],
    ['--profile reports --key 1 --retire-previous', '--key needs --retire-original'],
    ['--profile ordres', 'there is no profile "ordres"'],
    [
      '--profile orders',
      'no secret of orders rotates: docs/rotation.md says how to set it up; the profiles with rotation are odd, reports, introspecting, billing',
    ],
    [
      '--profile introspecting --now',
      'say which secret: --secret NAME; those of introspecting that rotate are reports, api',
    ],
    [
      '--profile introspecting --now --secret orders',
      '--secret "orders" does not rotate; those that do are reports, api',
    ],
    ['--stage prod --profile reports', 'say which broker: --stage S or --local'],
    ['--profle reports', "Unknown option '--profle'"],
  ])('%s', async (args, message) => {
    const calls = rig.secretsManager.calls();
    expect(await local(...args.split(' '))).toMatch(/^(UsageError|TypeError): /);
    expect(printed.at(-1)).toContain(message);
    expect(rig.secretsManager.calls()).toBe(calls);
  });

  test('--help, and a stack that does not run', async () => {
    expect(await command(['--help'])).toContain('--retire-original');
    expect(await command(['--local', '--port', '1'])).toContain('no local stack listens on port 1: start it with npm');
    publish(rig.profiles, 'http://127.0.0.1:1');
    expect(await reports('--status')).toContain(
      `OperationError: no local stack listens on port ${port}: start it with npm start`,
    );
  });
});

describe('a deployment', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rotate-'));
    const profile = {
      issuer: 'https://example.zitadel.cloud',
      secret: 'reports',
      scopes: [PROJECT_AUDIENCE],
      callers: ['arn:aws:iam::123456789012:role/reports'],
      rotation: EVERY,
    };
    const file = join(folder, 'profiles.json');
    writeFileSync(file, JSON.stringify({ profiles: { reports: profile } }));
    vi.stubEnv('PROFILES_FILE', file);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const prod = (...args: string[]) => command(['--stage', 'prod', '--profile', 'reports', ...args]);

  const LACKS = 'these credentials lack secretsmanager';
  test.each<[type: string, operation: string, message: string]>([
    ['AccessDeniedException', 'DescribeSecret', `${LACKS}:DescribeSecret on the secret reports`],
    [
      'AccessDeniedException',
      'GetSecretValue',
      `${LACKS}:GetSecretValue on the secret reports, or the right on its KMS key`,
    ],
    [
      'AccessDeniedException',
      'RotateSecret',
      `${LACKS}:RotateSecret on the secret reports, or lambda:InvokeFunction on the rotation function`,
    ],
    [
      'ResourceNotFoundException',
      'DescribeSecret',
      'prod (eu-central-1) has no secret reports: are --stage, --region and the AWS account right?',
    ],
    ['ExpiredTokenException', 'DescribeSecret', 'the AWS credentials have expired: log in again (aws sso login)'],
    ['UnrecognizedClientException', 'DescribeSecret', 'AWS does not recognise these credentials'],
    [
      'InvalidRequestException',
      'RotateSecret',
      'Secrets Manager refuses RotateSecret of reports: is it marked for deletion, or',
    ],
    ['SomeFault', 'DescribeSecret', 'Secrets Manager fails (DescribeSecret of reports: SomeFault): try again later'],
  ])('%s of %s', async (type, operation, message) => {
    await configure('reports');
    refuse(operation, type);
    expect(await prod(...(operation === 'RotateSecret' ? ['--now'] : []))).toContain(`OperationError: ${message}`);
  });

  test('no credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, join(folder, 'none'));
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    expect(await prod('--status')).toBe(
      'OperationError: no AWS credentials were found: set AWS_PROFILE, or log in (aws sso login)',
    );
  });

  test('a rotation that fails names the log group, and the commands name the stage', async () => {
    await configure('reports');
    rig.secretsManager.rotateWith(failing);
    const said = await command(['--stage', 'prod', '--region', 'eu-central-1', '--profile', 'reports', '--now'], rush);
    expect(said).toContain('The field error in the log group /aws/lambda/zitadel-token-broker-prod-rotate says');
    expect(said).toContain('npm run rotate -- --stage prod --region eu-central-1 --profile reports --status says how');
  });
});
