import { beforeEach, expect, test } from 'vitest';
import { createFinishSecret } from '../../../../lib/broker/rotation/finish.ts';
import type { HolderKeys } from '../../../../lib/broker/rotation/holder-keys.ts';
import { expiryOf, formatExpiry, markOf } from '../../../../lib/broker/rotation/mark.ts';
import { fail, ok, type Result } from '../../../../lib/core/result.ts';
import { DAY_MS, instant } from '../../../../lib/core/time.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemoryVersions, type MemoryVersions } from '../../../support/memory-versions.ts';

const START = instant(1_795_438_700_000);
const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3';
const TOKEN = 'this rotation';
const { key } = accounts.saKey;
const everyMs = 30 * DAY_MS;
const ISSUER = 'https://example.zitadel.cloud';
const RUN = { secret: ARN, token: TOKEN, rotated: { secret: 'zitadel/reports', issuer: ISSUER, everyMs, trials: [] } };

const secretWith = (keyId: string) => JSON.stringify({ ...key, keyId });
const expirationOf = (token: string, arn = ARN) => formatExpiry(expiryOf(markOf(arn, token), { now: START, everyMs }));

let clock: FakeClock;
let versions: MemoryVersions;
/** The keys at ZITADEL, by id: when they expire. */
let atZitadel: Map<string, string>;
let removal: Result<void, { detail: string }>;

const keys: HolderKeys = {
  list: async () => ok([...atZitadel].map(([keyId, expirationDate]) => ({ keyId, createdAt: START, expirationDate }))),
  add: async () => fail({ detail: 'a finished rotation adds no key' }),
  async remove(keyId) {
    if (removal.ok) atZitadel.delete(keyId);
    return removal;
  },
};

beforeEach(() => {
  clock = createFakeClock(START);
  versions = createMemoryVersions(secretWith('now'), TOKEN);
  Object.assign(versions.versions.get(TOKEN) ?? {}, { text: secretWith('next') });
  versions.versions.set('older', { stages: new Set(['AWSPREVIOUS']), text: secretWith('before') });
  removal = ok(undefined);
  atZitadel = new Map([
    ['of the operator', '2030-01-01T00:00:00Z'],
    ['before', expirationOf('1')],
    ['now', expirationOf('2')],
    ['next', expirationOf(TOKEN)],
    ['of another secret', expirationOf(TOKEN, `${ARN}2`)],
  ]);
});

let opens = 0;
const finishSecret = () =>
  createFinishSecret({
    clock,
    versions,
    openKeys: async (_run, credential) => {
      opens += 1;
      // The key that is now the current one opens the account.
      return credential.key.kid === 'next' ? ok(keys) : fail({ detail: 'another key' });
    },
  })(RUN);

const labels = () => Object.fromEntries([...versions.versions].map(([id, { stages }]) => [id, [...stages].sort()]));
const FINISHED = { old: ['AWSPREVIOUS'], [TOKEN]: ['AWSCURRENT'], older: [] };

test('the pending version becomes the current one; the key before the previous one goes', async () => {
  expect(await finishSecret()).toEqual(ok({ keyId: 'next', removed: ['before'] }));
  expect(labels()).toEqual(FINISHED);
  expect([...atZitadel.keys()]).toEqual(['of the operator', 'now', 'next', 'of another secret']);
});

test('a second time, nothing happens', async () => {
  await finishSecret();
  expect(await finishSecret()).toEqual(ok({ keyId: 'next', removed: [] }));
  expect(labels()).toEqual(FINISHED);
});

test('the first rotation keeps the key that it replaces, and every other that it did not make', async () => {
  versions.versions.delete('older');
  atZitadel = new Map([...atZitadel, ['now', '2030-01-01T00:00:00Z']]);
  atZitadel.delete('before');
  expect(await finishSecret()).toEqual(ok({ keyId: 'next', removed: [] }));
  expect([...atZitadel.keys()]).toContain('now');
});

test('the reply of the move was lost: the repeated step does the rest', async () => {
  versions.fault((call) => (call === 'move' ? 'after' : undefined));
  expect(await finishSecret()).toEqual(fail({ detail: 'moving AWSCURRENT: InternalServiceError' }));
  expect(await finishSecret()).toEqual(fail({ detail: 'removing AWSPENDING: InternalServiceError' }));
  versions.fault(() => undefined);
  expect(await finishSecret()).toEqual(ok({ keyId: 'next', removed: ['before'] }));
  expect(labels()).toEqual(FINISHED);
});

test('a key that cannot be removed does not fail a rotation that is over', async () => {
  removal = fail({ detail: 'removing key before: timeout: total' });
  expect(await finishSecret()).toEqual(ok({ keyId: 'next', removed: [], left: 'removing key before: timeout: total' }));
  expect(labels()).toEqual(FINISHED);
});

test('the step runs twice at once: both find it done', async () => {
  expect(await Promise.all([finishSecret(), finishSecret()])).toMatchObject([{ ok: true }, { ok: true }]);
  expect(labels()).toEqual(FINISHED);
});

test('ZITADEL does not list the pending key: AWSCURRENT stays, although the key may still obtain tokens', async () => {
  atZitadel.delete('next');
  const before = labels();
  const failed = finishSecret();
  await clock.advance(6_000);
  expect(await failed).toEqual(fail({ detail: "ZITADEL does not know AWSPENDING's key next" }));
  expect(labels()).toEqual(before);
});

test.each<[what: string, spoil: () => unknown, detail: RegExp]>([
  ['the pending version has no value', () => delete versions.versions.get(TOKEN)?.text, /^AWSPENDING has no value$/],
  ['another rotation took its place', () => versions.versions.get(TOKEN)?.stages.clear(), /^AWSPENDING is on another/],
  [
    'an operator has put the previous version back',
    () => {
      versions.versions.get('older')?.stages.clear();
      versions.versions.get(TOKEN)?.stages.add('AWSPREVIOUS');
    },
    /^AWSPENDING's version was the current one, and was replaced by hand$/,
  ],
  ['Secrets Manager is away', () => versions.fault(() => 'before'), /^the versions of the secret/],
])('%s: nothing moves, and nothing is removed', async (_what, spoil, detail) => {
  spoil();
  const before = [JSON.stringify(labels()), atZitadel.size, opens];
  expect(await finishSecret()).toEqual(fail({ detail: expect.stringMatching(detail) }));
  expect([JSON.stringify(labels()), atZitadel.size, opens]).toEqual(before);
});
