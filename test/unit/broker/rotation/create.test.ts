import { beforeEach, describe, expect, test } from 'vitest';
import { createCreateSecret } from '../../../../lib/broker/rotation/create.ts';
import type { HolderKeys } from '../../../../lib/broker/rotation/holder-keys.ts';
import { expiryOf, formatExpiry, markOf } from '../../../../lib/broker/rotation/mark.ts';
import type { RotationFault } from '../../../../lib/broker/rotation/rotated-key.ts';
import type { StepDone } from '../../../../lib/broker/rotation/run.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { fail, ok, type Result } from '../../../../lib/core/result.ts';
import { DAY_MS, HOUR_MS, instant, plus } from '../../../../lib/core/time.ts';
import type { RegisteredKey } from '../../../../lib/zitadel/keys.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createMemoryVersions, type MemoryVersions } from '../../../support/memory-versions.ts';

const START = instant(1_795_438_700_000);
const ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:zitadel/reports-a1B2c3';
const TOKEN = 'this rotation';
const CURRENT = JSON.stringify(accounts.saKey.key);
const everyMs = 30 * DAY_MS;
const ISSUER = 'https://example.zitadel.cloud';
const RUN = { secret: ARN, token: TOKEN, rotated: { secret: 'zitadel/reports', issuer: ISSUER, everyMs, trials: [] } };

let clock: FakeClock;
let versions: MemoryVersions;
/** The keys at ZITADEL, in the order of their creation; the operator's own is the first. */
let atZitadel: RegisteredKey[];
/** Whether the reply to the next `add` is lost. */
let isReplyLost: boolean;

const marked = (keyId: string, token: string, createdAt = START, arn = ARN): RegisteredKey => ({
  keyId,
  createdAt,
  expirationDate: formatExpiry(expiryOf(markOf(arn, token), { now: createdAt, everyMs })),
});

const keys: HolderKeys = {
  list: async () => ok([...atZitadel]),
  async add(expirationDate) {
    const keyId = `new-${atZitadel.length}`;
    atZitadel.push({ keyId, createdAt: clock.now(), expirationDate });
    const text = redacted(JSON.stringify({ ...accounts.saKey.key, keyId, expirationDate }));
    return isReplyLost ? fail({ detail: 'adding a key: timeout: total' }) : ok({ keyId, text });
  },
  async remove(keyId) {
    atZitadel = atZitadel.filter((each) => each.keyId !== keyId);
    return ok(undefined);
  },
};

beforeEach(() => {
  clock = createFakeClock(START);
  versions = createMemoryVersions(CURRENT, TOKEN);
  atZitadel = [{ keyId: accounts.saKey.key.keyId, createdAt: START, expirationDate: '2030-01-01T00:00:00Z' }];
  isReplyLost = false;
});

const createSecret = (): Promise<Result<StepDone, RotationFault>> =>
  createCreateSecret({ clock, versions, openKeys: async () => ok(keys) })(RUN);

const idsAtZitadel = () => atZitadel.map(({ keyId }) => keyId);
const pendingText = () => versions.versions.get(TOKEN)?.text ?? '';

test('a new key is at ZITADEL, marked, and in the pending version; the current one stays', async () => {
  expect(await createSecret()).toEqual(ok({ keyId: 'new-1', isNew: true, removed: [] }));
  const { keyId, expirationDate } = JSON.parse(pendingText());
  expect(keyId).toBe('new-1');
  expect(atZitadel[1]).toEqual({ ...marked('new-1', TOKEN), expirationDate });
  expect(versions.versions.get('old')?.text).toBe(CURRENT);
});

test('the version before the current one is the client secret that the first key replaced', async () => {
  const text = '{"clientId":"reports","clientSecret":"s3cr3t"}';
  versions.versions.set('older', { stages: new Set(['AWSPREVIOUS']), text });
  expect(await createSecret()).toEqual(ok({ keyId: 'new-1', isNew: true, removed: [] }));
});

test('a second time, nothing happens', async () => {
  await createSecret();
  const text = pendingText();
  expect(await createSecret()).toEqual(ok({ keyId: 'new-1' }));
  expect([idsAtZitadel().length, pendingText()]).toEqual([2, text]);
});

test('after the rotation, nothing happens', async () => {
  await createSecret();
  await versions.move(ARN, 'AWSCURRENT', { from: 'old', to: TOKEN });
  await versions.move(ARN, 'AWSPENDING', { from: TOKEN });
  expect(await createSecret()).toEqual(ok({ keyId: 'new-1' }));
});

describe('an earlier try left something behind', () => {
  test('the reply of AddKey was lost: its key is swept by its mark', async () => {
    isReplyLost = true;
    expect(await createSecret()).toEqual(fail({ detail: 'adding a key: timeout: total' }));
    expect(idsAtZitadel()).toEqual([accounts.saKey.key.keyId, 'new-1']);
    isReplyLost = false;
    await clock.advance(3_000);
    expect(await createSecret()).toMatchObject({ ok: true, value: { isNew: true, removed: ['new-1'] } });
    expect(idsAtZitadel()).toEqual([accounts.saKey.key.keyId, JSON.parse(pendingText()).keyId]);
  });

  test.each([
    ['happened', 'after', undefined],
    ['did not happen', 'before', true],
  ] as const)('the reply of PutSecretValue was lost, and the write %s', async (_name, fault, isNew) => {
    versions.fault((call) => (call === 'write' ? fault : undefined));
    expect(await createSecret()).toEqual(fail({ detail: 'writing AWSPENDING: InternalServiceError' }));
    versions.fault(() => undefined);
    await clock.advance(3_000);
    const again = await createSecret();
    expect(again.ok && again.value.isNew).toBe(isNew);
    expect(idsAtZitadel()).toEqual([accounts.saKey.key.keyId, JSON.parse(pendingText()).keyId]);
  });

  test('the step runs twice, and the other one stores its key first: that key counts', async () => {
    const both = await Promise.all([createSecret(), createSecret()]);
    const { keyId } = JSON.parse(pendingText());
    expect(both.map((result) => result.ok && result.value.keyId)).toEqual([keyId, keyId]);
    expect(idsAtZitadel()).toEqual([accounts.saKey.key.keyId, keyId]);
  });

  test('an abandoned rotation: its key goes after an hour; those of others never', async () => {
    const old = plus(START, -HOUR_MS - 1);
    const others = [marked('other secret', TOKEN, old, `${ARN}2`), marked('just now', 'another', START)];
    atZitadel.push(marked('abandoned', 'another', old), ...others);
    expect(await createSecret()).toMatchObject({ value: { removed: ['abandoned'] } });
    expect(idsAtZitadel()).toEqual([accounts.saKey.key.keyId, 'other secret', 'just now', expect.any(String)]);
  });

  test('the key of AWSPREVIOUS stays, however old', async () => {
    atZitadel.push(marked('previous', 'another', plus(START, -40 * DAY_MS)));
    const text = JSON.stringify({ ...accounts.saKey.key, keyId: 'previous' });
    versions.versions.set('before', { stages: new Set(['AWSPREVIOUS']), text });
    expect(await createSecret()).toMatchObject({ value: { removed: [] } });
    expect(idsAtZitadel()).toContain('previous');
  });

  test('ZITADEL no longer knows the pending key: the label goes, so that the next rotation can begin', async () => {
    await createSecret();
    atZitadel.pop();
    const failed = createSecret();
    await clock.advance(5_000);
    expect(await failed).toEqual(
      fail({
        detail:
          "ZITADEL does not know AWSPENDING's key new-1 (removed, or expired): its label was removed; rotate again",
      }),
    );
    expect([...(versions.versions.get(TOKEN)?.stages ?? [])]).toEqual([]);
  });

  test('its version was current, and was replaced by hand: it does not come back', async () => {
    await createSecret();
    versions.versions.get(TOKEN)?.stages.add('AWSPREVIOUS');
    const detail =
      "AWSPENDING's version was the current one, and was replaced by hand: its label was removed; rotate again";
    expect(await createSecret()).toEqual(fail({ detail }));
    expect([...(versions.versions.get(TOKEN)?.stages ?? [])]).toEqual(['AWSPREVIOUS']);
  });

  test('a key that ZITADEL does not list yet is looked for again', async () => {
    await createSecret();
    const [late] = atZitadel.splice(1);
    const again = createSecret();
    await clock.advance(2_000);
    if (late !== undefined) atZitadel.push(late);
    await clock.advance(2_000);
    expect(await again).toEqual(ok({ keyId: 'new-1' }));
  });
});

test.each<[what: string, spoil: () => unknown, detail: RegExp]>([
  ['AWSPENDING is on another version', () => versions.versions.get(TOKEN)?.stages.clear(), /^AWSPENDING is on another/],
  [
    'there is no AWSCURRENT',
    () => versions.versions.get('old')?.stages.clear(),
    /^the secret has no version AWSCURRENT/,
  ],
  [
    'the current secret is a client secret',
    () => Object.assign(versions.versions.get('old') ?? {}, { text: '{"clientId":"a","clientSecret":"s3cr3t"}' }),
    /^AWSCURRENT is a client secret, which has no successor beside it: npm run rotate -- --to-key PROFILE/,
  ],
  [
    'a labelled version cannot be read: it may name any key',
    () => versions.versions.set('x', { stages: new Set(['MINE']), text: 'not a key' }),
    /^MINE: secret is a plain text/,
  ],
  [
    'Secrets Manager is away',
    () => versions.fault(() => 'before'),
    /^the versions of the secret: InternalServiceError/,
  ],
])('%s: nothing is added, and it says so', async (_what, spoil, detail) => {
  spoil();
  const failed = await createSecret();
  expect(failed).toEqual(fail({ detail: expect.stringMatching(detail) }));
  expect([atZitadel.length, JSON.stringify(failed).includes('s3cr3t')]).toEqual([1, false]);
});
