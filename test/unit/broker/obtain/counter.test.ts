import { expect, test } from 'vitest';
import { createKeyIds } from '../../../../lib/broker/obtain/counter.ts';
import type { Credential } from '../../../../lib/zitadel/credential.ts';

const key = (kid: string) => ({ kind: 'service_account_key', key: { kid } }) as Credential;

test('each key is told once, and a client secret never', () => {
  const keyIds = createKeyIds();
  for (const kid of ['1', '2', '1']) keyIds.note(key(kid));
  keyIds.note({ kind: 'client_secret', clientId: 'canary' } as Credential);
  expect(keyIds.take()).toEqual(['1', '2']);
  expect(keyIds.take()).toEqual([]);
});

test('what somebody stored in place of an id does not reach the log', () => {
  const keyIds = createKeyIds();
  keyIds.note(key('Zk3canary4/AbCdEfGhIjKlMnOp==\n'));
  expect(keyIds.take()).toEqual(['[cut]']);
});
