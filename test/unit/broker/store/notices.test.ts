import { describe, expect, test } from 'vitest';
import type { Principal } from '../../../../lib/broker/profiles/caller.ts';
import {
  ALL,
  compileNotices,
  isBlocked,
  isVoid,
  MOST_TOKENS,
  type Notice,
  readNotice,
  tidy,
  tokenNotice,
  writeNotice,
} from '../../../../lib/broker/store/notices.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { instant, plus } from '../../../../lib/core/time.ts';
import { tokenDigest } from '../../../../lib/zitadel/token-identity.ts';

const NOW = instant(1_795_438_700_000);
const DAY = 86_400_000;
const ROLE = 'arn:aws:iam::123456789012:role/orders-service';
const later = plus(NOW, 1);

describe('a notice', () => {
  test.each<[text: string, notice: Notice]>([
    [`token d1 orders ${NOW}`, { kind: 'token', digest: 'd1', profile: 'orders', until: NOW }],
    [`before orders ${NOW}`, { kind: 'before', profile: 'orders', at: NOW }],
    [`before * ${NOW}`, { kind: 'before', profile: ALL, at: NOW }],
    [`block orders ${ROLE}`, { kind: 'block', profile: 'orders', caller: ROLE }],
    ['block orders *', { kind: 'block', profile: 'orders', caller: ALL }],
    [`block * ${ROLE}*`, { kind: 'block', profile: ALL, caller: `${ROLE}*` }],
    [`away i1 ${NOW}`, { kind: 'away', issuer: 'i1', until: NOW }],
  ])('%s', (text, notice) => {
    expect(writeNotice(notice)).toBe(text);
    expect(readNotice(text)).toEqual(notice);
  });

  test.each([
    '',
    'token',
    'token d1',
    'token d1 orders',
    'token d1 orders x',
    `token d1 orders ${NOW} more`,
    `token  orders ${NOW}`,
    `token d1 orders -1`,
    'token d1 orders 1e9',
    'token d1 orders 1234567890123456',
    'before orders',
    'before orders x',
    `before orders ${NOW} more`,
    'away i1 soon',
    `away  ${NOW}`,
    'block orders',
    'block orders arn:aws:iam::123456789012:user/me',
    `block orders ${ROLE} more`,
    `other orders ${NOW}`,
    `other orders ${ROLE}`,
  ])('is not: %s', (text) => expect(readNotice(text)).toBeUndefined());

  test('of a token names it by its digest', () => {
    const token = redacted('a-token');
    expect(tokenNotice(token, { profile: 'orders', until: NOW })).toEqual({
      kind: 'token',
      digest: tokenDigest(token),
      profile: 'orders',
      until: NOW,
    });
  });
});

describe('notices that stand together', () => {
  test('none, and texts that are none', () => {
    const empty = { isEmpty: true, tokens: new Set(), before: new Map(), blocks: new Map(), away: new Map() };
    expect(compileNotices([])).toEqual(empty);
    expect(compileNotices(['x', 'token d1'])).toEqual(empty);
  });

  test('of each kind', () => {
    const notices = compileNotices([
      `token d1 orders ${NOW}`,
      `before orders ${NOW}`,
      `before orders ${later}`,
      `before * ${NOW}`,
      'block orders *',
      `block orders ${ROLE}`,
      `away i1 ${later}`,
      `away i1 ${NOW}`,
      `away i2 ${NOW}`,
    ]);
    const pattern = { partition: 'aws', account: '123456789012', role: 'orders-service', isPrefix: false };
    expect(notices).toEqual({
      isEmpty: false,
      tokens: new Set(['d1']),
      before: new Map([
        ['orders', [NOW, later]],
        [ALL, [NOW]],
      ]),
      blocks: new Map([['orders', [ALL, pattern]]]),
      away: new Map([
        ['i1', later],
        ['i2', NOW],
      ]),
    });
  });
});

describe('a token may no longer be handed out', () => {
  const suspect = { digests: ['d1', 'd2'], obtainedAt: [NOW], profiles: ['billing', 'orders'] };
  const fromOld = { ...suspect, obtainedAt: [NOW, plus(NOW, -1_000)] };

  test.each<[notice: string, expected: boolean]>([
    ['before orders', true],
    ['before *', true],
    ['before billing', false],
  ])('flushed between the token and the one that it was exchanged from, %s: %s', (notice, expected) => {
    const notices = compileNotices([`${notice} ${NOW - 500}`]);
    expect([isVoid(notices, fromOld, NOW), isVoid(notices, suspect, NOW)]).toEqual([expected, false]);
  });

  test.each<[notice: string, expected: boolean]>([
    [`token d1 orders ${NOW}`, true],
    [`token d2 orders ${NOW}`, true],
    [`token d3 orders ${NOW}`, false],
    [`before billing ${later}`, true],
    [`before orders ${later}`, true],
    [`before * ${later}`, true],
    [`before orders ${NOW}`, false],
    [`before reports ${later}`, false],
    [`before orders ${NOW + 1_010}`, true],
    [`before orders ${NOW + 1_011}`, false],
    ['block orders *', false],
  ])('%s: %s', (notice, expected) => {
    // The clock of another may be a second ahead.
    expect(isVoid(compileNotices([notice]), suspect, plus(NOW, 10))).toBe(expected);
  });
});

describe('a caller is shut out', () => {
  const caller: Principal = { kind: 'iam_role', partition: 'aws', account: '123456789012', role: 'orders-service' };
  test.each<[notice: string, expected: boolean]>([
    ['block orders *', true],
    [`block * ${ROLE}`, true],
    [`block orders ${ROLE}`, true],
    ['block orders arn:aws:iam::123456789012:role/orders-*', true],
    [`block orders ${ROLE}2`, false],
    ['block reports *', false],
    [`before orders ${NOW}`, false],
  ])('%s: %s', (notice, expected) => {
    expect(isBlocked(compileNotices([notice]), 'orders', caller)).toBe(expected);
  });
});

describe('a workload is shut out', () => {
  const subject = 'repo:acme/app:ref:refs/heads/main';
  const caller: Principal = { kind: 'federated', issuer: 'github', subject, claims: {} };
  test.each<[notice: string, expected: boolean]>([
    ['block orders *', true],
    [`block orders github:${subject}`, true],
    [`block * github:${subject}`, true],
    ['block orders github:repo:acme/app:*', true],
    ['block orders github:*', true],
    [`block orders github:${subject}2`, false],
    ['block orders github:repo:acme/app', false],
    [`block reports github:${subject}`, false],
    [`block orders gitlab:${subject}`, false],
    [`block orders ${subject}`, false],
    ['block orders arn:aws:iam::123456789012:role/*', false],
    [`block orders ${ROLE}`, false],
  ])('%s: %s', (notice, expected) => {
    expect(isBlocked(compileNotices([notice]), 'orders', caller)).toBe(expected);
  });

  test('its name never stands for a role', () => {
    const role: Principal = { kind: 'iam_role', partition: 'aws', account: '123456789012', role: 'orders-service' };
    expect(isBlocked(compileNotices(['block orders github:*', 'block orders aws:*']), 'orders', role)).toBe(false);
  });

  test('a caller that is neither is no notice', () => {
    for (const text of ['github:', 'GitHub:x', 'github', 'arn:x:y', 'github:ü'])
      expect(readNotice(`block orders ${text}`)).toBeUndefined();
  });
});

describe('tidying', () => {
  test.each<[texts: string[], remove: string[]]>([
    [[], []],
    [['x'], ['x']],
    [[`token d1 orders ${NOW}`], []],
    [[`token d1 orders ${NOW - 30 * DAY}`], []],
    [[`token d1 orders ${NOW - 30 * DAY - 1}`], [`token d1 orders ${NOW - 30 * DAY - 1}`]],
    [[`away i1 ${NOW}`], []],
    [[`away i1 ${NOW - 1}`], [`away i1 ${NOW - 1}`]],
    [[`block orders ${ROLE}`, 'block * *'], []],
    [[`before orders ${NOW - 30 * DAY}`], []],
    [[`before orders ${NOW - 30 * DAY - 1}`], [`before orders ${NOW - 30 * DAY - 1}`]],
    [[`before orders ${NOW - 1}`, `before orders ${NOW}`], [`before orders ${NOW - 1}`]],
    [[`before orders ${NOW - 1}`, `before orders ${later}`], []],
    [[`before orders ${NOW - 1}`, `before reports ${NOW}`, `before * ${NOW}`], []],
  ])('of %j, %j goes', (texts, remove) => expect(tidy(texts, NOW)).toEqual({ add: [], remove }));

  const tokens = (profile: string, count: number, until = NOW) =>
    Array.from({ length: count }, (_, index) => `token ${profile}${index} ${profile} ${until}`);

  test('as many tokens as may be listed stay', () => {
    expect(MOST_TOKENS).toBe(500);
    expect(tidy([...tokens('a', 250), ...tokens('b', 250)], NOW)).toEqual({ add: [], remove: [] });
    expect(tidy([...tokens('a', 500), ...tokens('b', 9, plus(NOW, -30 * DAY - 1))], NOW).add).toEqual([]);
  });

  test('of more, those of the profile with the most give way to one notice', () => {
    const over = tokens('c', 300, plus(NOW, -30 * DAY - 1));
    const few = [...tokens('a', 100), ...tokens('d', 201)];
    expect(tidy([...over, ...tokens('a', 100), ...tokens('b', 200), ...tokens('d', 201)], NOW)).toEqual({
      add: [{ kind: 'before', profile: 'd', at: NOW }],
      remove: [...over, ...tokens('d', 201)],
    });
    expect(tidy([...tokens('b', 301), ...few, 'block b *'], NOW)).toEqual({
      add: [{ kind: 'before', profile: 'b', at: NOW }],
      remove: tokens('b', 301),
    });
  });
});
