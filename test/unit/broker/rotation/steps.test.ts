import { beforeEach, describe, expect, test } from 'vitest';
import type { HolderKeys } from '../../../../lib/broker/rotation/holder-keys.ts';
import { createSteps, type RotationDeps, type Step } from '../../../../lib/broker/rotation/steps.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { DAY_MS, instant } from '../../../../lib/core/time.ts';
import type { Send } from '../../../../lib/oauth/transport.ts';
import { type Credential, parseCredential } from '../../../../lib/zitadel/credential.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemoryVersions, type MemoryVersions } from '../../../support/memory-versions.ts';

const START = instant(1_795_438_700_000);
const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3';
const ISSUER = 'https://example.zitadel.cloud';
const TOKEN = 'this rotation';
const json = { 'content-type': 'application/json' };

const ofAccount = (keyId: string): string => JSON.stringify({ ...accounts.saKey.key, keyId });
const ofApplication = (keyId: string): string => JSON.stringify({ ...accounts.oidcKey, keyId });

function parse(text: string): Credential {
  const parsed = parseCredential(redacted(text));
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value;
}

let clock: FakeClock;
let versions: MemoryVersions;
/** The ids of the keys that ZITADEL lists. */
let listed: string[];
let opened: Parameters<RotationDeps['openKeys']>[0][];
let managers: string[];
let answer: Awaited<ReturnType<Send>>;
let forms: URLSearchParams[];
let projectId: string | undefined;

const keys = (): HolderKeys => ({
  list: async () => ok(listed.map((keyId) => ({ keyId, createdAt: START, expirationDate: '2030-01-01T00:00:00Z' }))),
  add: async () => ok({ keyId: 'new', text: redacted(ofAccount('new')) }),
  remove: async () => ok(undefined),
  ...(projectId === undefined ? {} : { projectId }),
});

beforeEach(() => {
  clock = createFakeClock(START);
  versions = createMemoryVersions(ofAccount('now'), TOKEN);
  listed = ['now', 'next'];
  [opened, managers, forms] = [[], [], []];
  answer = ok({ status: 200, headers: json, body: '{"access_token":"t","token_type":"Bearer","expires_in":60}' });
  projectId = undefined;
});

const pend = (text: string) => Object.assign(versions.versions.get(TOKEN) ?? {}, { text });

interface Given {
  readonly by?: string;
  readonly trials?: Parameters<ReturnType<typeof createSteps>>[1]['rotated']['trials'];
}

async function run(step: Step, { by, trials = [{ kind: 'token', scopes: ['a'] }] }: Given = {}) {
  const runStep = createSteps({
    clock,
    uuid: () => 'jti',
    versions,
    send: async ({ body }) => {
      forms.push(new URLSearchParams(body));
      return answer;
    },
    openKeys: async (asked) => {
      opened.push(asked);
      return ok(keys());
    },
    async readManager(name) {
      managers.push(name);
      return name === 'admin' ? ok(parse(ofAccount('admin'))) : fail({ detail: `profile ${name}: away` });
    },
  });
  const rotated = { secret: 'zitadel/reports', issuer: ISSUER, everyMs: 30 * DAY_MS, trials };
  const result = runStep(step, { secret: ARN, token: TOKEN, rotated: by === undefined ? rotated : { ...rotated, by } });
  let isDone = false;
  void result.finally(() => {
    isDone = true;
  });
  while (!isDone) await clock.advance(500);
  return result;
}

const kidIn = (form: URLSearchParams | undefined) =>
  JSON.parse(Buffer.from(form?.get('assertion')?.split('.')[0] ?? '', 'base64url').toString()).kid;

describe('setSecret', () => {
  test.each<[what: string, pending: () => unknown, result: object]>([
    ['passes a key of the same account', () => pend(ofAccount('next')), ok({ keyId: 'next' })],
    [
      'refuses the key of another account',
      () => pend(ofAccount('next').replace(accounts.saKey.key.userId, '1')),
      fail({ detail: 'AWSPENDING is the key of another account' }),
    ],
    ['has nothing to do in a dry run', () => undefined, ok({ keyId: 'now', isDryRun: true })],
    [
      'reports what it cannot read',
      () => pend('no key'),
      fail({ detail: expect.stringMatching(/^AWSPENDING: secret is a plain text/) }),
    ],
    [
      'reports a missing AWSCURRENT',
      () => versions.versions.get('old')?.stages.clear(),
      fail({ detail: 'the secret has no version AWSCURRENT' }),
    ],
    [
      'reports that Secrets Manager is away',
      () => versions.fault(() => 'before'),
      fail({ detail: 'the versions of the secret: InternalServiceError' }),
    ],
  ])('%s, and asks ZITADEL nothing', async (_what, prepare, result) => {
    prepare();
    expect(await run('setSecret')).toEqual(result);
    expect([opened.length, forms.length]).toEqual([0, 0]);
  });
});

describe('testSecret', () => {
  test('uses the pending key for each profile', async () => {
    pend(ofAccount('next'));
    const trials = [
      { kind: 'token' as const, scopes: ['a', 'b'] },
      { kind: 'token' as const, scopes: ['c'] },
    ];
    expect(await run('testSecret', { trials })).toEqual(ok({ keyId: 'next' }));
    expect(forms.map((form) => [kidIn(form), form.get('scope')])).toEqual([
      ['next', 'a b'],
      ['next', 'c'],
    ]);
    expect(opened).toMatchObject([{ issuer: ISSUER, credential: { key: { kid: 'next' } } }]);
    expect(managers).toEqual([]);
  });

  test('in a dry run, uses the current one', async () => {
    expect(await run('testSecret')).toEqual(ok({ keyId: 'now', isDryRun: true }));
    expect(kidIn(forms[0])).toBe('now');
  });

  test('in a dry run with AWSPENDING on AWSCURRENT likewise', async () => {
    versions.versions.delete(TOKEN);
    versions.versions.set(TOKEN, { stages: new Set(['AWSCURRENT', 'AWSPENDING']), text: ofAccount('now') });
    versions.versions.delete('old');
    expect(await run('testSecret')).toEqual(ok({ keyId: 'now', isDryRun: true }));
  });

  test.each<[what: string, prepare: () => unknown, detail: string | RegExp]>([
    ['ZITADEL does not list it', () => listed.pop(), 'ZITADEL does not list the key next'],
    [
      'it obtains no token',
      () => {
        answer = ok({ status: 400, headers: json, body: '{"error":"invalid_grant","error_description":"no"}' });
      },
      /^no token with key next in 20 s: status 400: invalid_grant no$/,
    ],
    ['it cannot be read', () => pend('no key'), /^AWSPENDING: secret is a plain text/],
  ])('fails if %s', async (_what, prepare, detail) => {
    pend(ofAccount('next'));
    prepare();
    const matches = typeof detail === 'string' ? detail : expect.stringMatching(detail);
    expect(await run('testSecret')).toEqual(fail({ detail: matches }));
  });
});

describe('the key of an application', () => {
  beforeEach(() => {
    versions = createMemoryVersions(ofApplication('now'), TOKEN);
    pend(ofApplication('next'));
    projectId = '7';
  });

  test('is managed, and tried, with the account of `by`', async () => {
    expect(await run('testSecret', { by: 'admin', trials: [{ kind: 'exchange' }] })).toEqual(ok({ keyId: 'next' }));
    expect(managers).toEqual(['admin']);
    expect(opened).toMatchObject([{ credential: { kind: 'application_key' }, manager: { key: { kid: 'admin' } } }]);
    const [subject, exchange] = forms;
    expect(subject?.get('scope')).toBe('urn:zitadel:iam:org:project:id:7:aud');
    expect(exchange?.getAll('audience')).toEqual(['7']);
  });

  test.each<Step>(['createSecret', 'testSecret', 'finishSecret'])(
    '%s reports that `by` cannot be read',
    async (step) => {
      if (step === 'createSecret') delete versions.versions.get(TOKEN)?.text;
      expect(await run(step, { by: 'nobody' })).toEqual(fail({ detail: 'profile nobody: away' }));
      expect(opened).toEqual([]);
    },
  );

  test('without `by` is opened without a manager', async () => {
    await run('testSecret', { trials: [{ kind: 'introspection' }] });
    expect(opened.map((asked) => 'manager' in asked)).toEqual([false]);
  });
});

test('createSecret and finishSecret use the keys of the account', async () => {
  expect(await run('createSecret')).toEqual(ok({ keyId: 'new', isNew: true, removed: [] }));
  listed.push('new');
  expect(await run('finishSecret')).toEqual(ok({ keyId: 'new', removed: [] }));
  expect(opened.map(({ credential }) => credential.key.kid)).toEqual(['now', 'new']);
  expect([...(versions.versions.get(TOKEN)?.stages ?? [])]).toEqual(['AWSCURRENT']);
});
