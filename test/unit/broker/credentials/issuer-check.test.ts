import { afterEach, expect, test } from 'vitest';
import { createExplainRefusal } from '../../../../lib/broker/credentials/issuer-check.ts';
import type { AttemptFailure } from '../../../../lib/broker/store/failure.ts';
import { fail, ok } from '../../../../lib/core/result.ts';
import { instant } from '../../../../lib/core/time.ts';
import type { Send } from '../../../../lib/oauth/transport.ts';
import type { Credential } from '../../../../lib/zitadel/credential.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const ISSUER = 'https://proxy.example';
const REFUSED: AttemptFailure = { error: { kind: 'credential_refused', detail: 'why' }, credential: 'one' };
const KEY = { kind: 'service_account_key' } as Credential;
const ASKED = { issuer: ISSUER, credential: KEY, mayRepeat: () => true };
const MISMATCH =
  "why; the profile's issuer is https://proxy.example, ZITADEL's is https://zitadel.example: name ZITADEL's in the profile";

const clock = createFakeClock(instant(1_795_438_700_000));
const urls: string[] = [];
afterEach(() => void urls.splice(0));

const page = (body: unknown, status = 200, type = 'application/json') =>
  ok({ status, headers: { 'content-type': type }, body: JSON.stringify(body) });

const explaining = (answer: Awaited<ReturnType<Send>>) =>
  createExplainRefusal({
    clock,
    send: async ({ url, body }) => {
      urls.push(`${body ?? 'GET'} ${url}`);
      return answer;
    },
  });

test.each([
  ['another issuer', page({ issuer: 'https://zitadel.example' }), MISMATCH],
  ['the same issuer', page({ issuer: ISSUER }), 'why'],
  ['no issuer', page({ issuer: 7 }), 'why'],
  ['no document', page([]), 'why'],
  ['an error', page({ issuer: 'https://zitadel.example' }, 404), 'why'],
  ['HTML', page({ issuer: 'https://zitadel.example' }, 200, 'text/html'), 'why'],
  ['no answer', fail({ kind: 'timeout', detail: 'total' } as const), 'why'],
])('a key is refused, and discovery has %s', async (_name, answer, detail) => {
  const explained = await explaining(answer)(REFUSED, ASKED);
  expect(explained).toEqual({ ...REFUSED, error: { ...REFUSED.error, detail } });
  expect(urls).toEqual([`GET ${ISSUER}/.well-known/openid-configuration`]);
});

test.each<[name: string, failure: AttemptFailure, changes: Partial<typeof ASKED>]>([
  ['a client secret', REFUSED, { credential: { kind: 'client_secret' } as Credential }],
  ['no time', REFUSED, { mayRepeat: () => false }],
  ['an account that is locked', { ...REFUSED, isAccount: true }, {}],
  ['refused scopes', { error: REFUSED.error }, {}],
  ['an outage', { ...REFUSED, error: { kind: 'unexpected_answer', detail: 'why' } }, {}],
])('%s: discovery is not asked', async (_name, failure, changes) => {
  const explain = explaining(page({ issuer: 'https://zitadel.example' }));
  expect(await explain(failure, { ...ASKED, ...changes })).toEqual(failure);
  expect(urls).toEqual([]);
});

test.each([
  ['an answer counts for 5 minutes', page({ issuer: ISSUER }), 300_000],
  ['no answer for 30 seconds', page({}, 404), 30_000],
])('%s', async (_name, answer, pauseMs) => {
  const explain = explaining(answer);
  await Promise.all([explain(REFUSED, ASKED), explain(REFUSED, ASKED)]);
  await clock.advance(pauseMs - 1);
  await explain(REFUSED, ASKED);
  expect(urls).toHaveLength(1);
  await clock.advance(1);
  await explain(REFUSED, ASKED);
  expect(urls).toHaveLength(2);
});
