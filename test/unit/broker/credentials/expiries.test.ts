import { expect, test } from 'vitest';
import { createExpiries } from '../../../../lib/broker/credentials/expiries.ts';
import { redacted } from '../../../../lib/core/redacted.ts';
import { DAY_MS, instant } from '../../../../lib/core/time.ts';
import { parseCredential } from '../../../../lib/zitadel/credential.ts';
import { accounts } from '../../../support/accounts.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const START = instant(1_795_438_700_000);

const keyUntil = (expirationDate: string | undefined) => {
  const parsed = parseCredential(redacted(JSON.stringify({ ...accounts.saKey.key, expirationDate })));
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value;
};
const inDays = (days: number) => keyUntil(new Date(START + days * DAY_MS).toISOString());

test.each<[what: string, read: readonly (readonly [string, ReturnType<typeof keyUntil>])[], first: object | undefined]>(
  [
    ['nothing was read', [], undefined],
    ['a key that does not end', [['a', keyUntil(undefined)]], undefined],
    ['a key that ends in the year 9999', [['a', keyUntil('9999-12-31T23:59:59Z')]], undefined],
    ['one key', [['a', inDays(30.19)]], { secret: 'a', daysLeft: 30.1 }],
    ['a key that has ended', [['a', inDays(-3)]], { secret: 'a', daysLeft: 0 }],
    [
      'the first to end of three',
      [
        ['a', inDays(30)],
        ['b', inDays(7)],
        ['c', inDays(9)],
      ],
      { secret: 'b', daysLeft: 7 },
    ],
  ],
)('%s', (_what, read, first) => {
  const expiries = createExpiries(createFakeClock(START));
  for (const [secret, credential] of read) expiries.note(secret, credential);
  expect(expiries.take()).toEqual(first);
  // Each read is reported once.
  expect(expiries.take()).toBeUndefined();
});
