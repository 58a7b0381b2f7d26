import { describe, expect, test, vi } from 'vitest';
import { fail, ok } from '../../../lib/core/result.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { accounts } from '../../support/accounts.ts';
import { ALL_CASES, type Case, nameOf } from './catalogue.ts';
import { leaks } from './judge.ts';
import { CALLERS_TOKEN } from './places.ts';
import { runCases } from './run.ts';
import type { Observation } from './stage.ts';

vi.setConfig({ testTimeout: 240_000 });

function named(name: string): Case {
  const found = ALL_CASES.find((played) => nameOf(played) === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

const CUT = named('zitadel, client credentials: cut: says half of the body and hangs up');
const SILENT = named('zitadel, introspection: connection: takes the request and falls silent');
const KNOWN = named('zitadel, client credentials, a token is known: connection: takes the request and breaks off');
const SLOW: Case = { ...CUT, place: { ...CUT.place, limitMs: -1 } };

let issued = 0;
const issue: Send = async () => {
  issued += 1;
  const headers = { 'content-type': 'application/json' };
  return ok({ status: 200, headers, body: `{"access_token":"token-${issued}","token_type":"Bearer","expires_in":60}` });
};
const failing =
  (kind: 'garbled' | 'timeout'): Send =>
  async () =>
    fail({ kind, detail: 'CUT' });

test.each<[name: string, played: Case, send: Send, found: RegExp]>([
  ['never gives up', SILENT, () => new Promise<never>(() => undefined), /^hang: never answers$/m],
  ['takes too long', SLOW, failing('timeout'), /^hang: \d+ ms instead of -1 ms$/m],
  ['takes what was cut for a token', CUT, issue, /^cell: 200 instead of 503/m],
  ['has another token than the known one', KNOWN, issue, /^cell: not the known token$/m],
  ['takes a cut for nonsense', CUT, failing('garbled'), /^cell: 502 instead of 503/m],
  ['does not ask at all', CUT, failing('timeout'), /^cell: hostility was never met$/m],
  ['throws', CUT, () => Promise.reject(new Error('a bug')), /^cell: a bug: .*^cell: 500 instead of 503/ms],
])('a broker that %s is found out', async (_name, played, send, found) => {
  const { violations } = await runCases([played], undefined, { send });
  expect(violations.map(({ rule, what }) => `${rule}: ${what}`).join('\n')).toMatch(found);
});

describe('whatever comes out is searched for secrets', () => {
  const quiet: Observation = {
    answer: { statusCode: 503, headers: { 'retry-after': '2' }, body: '{"error":"temporarily_unavailable"}' },
    tookMs: 0,
    lines: ['{"level":"error","status":503}'],
    knownToken: undefined,
    struck: 1,
    sent: {
      zitadel: [{ head: 'POST / HTTP/1.1\r\nAuthorization: Basic c29tZWJvZHk6YS1zZWNyZXQtb2YtaXRz', body: '' }],
      'secrets-manager': [],
      dynamodb: [],
    },
    tokens: ['tok_QmFzZTY0LXdpdGhvdXQtYW55LW1lYW5pbmc'],
  };
  const logging = (text: string): Observation => ({ ...quiet, lines: [text] });
  const answering = (statusCode: number, body: string, headers = {}): Observation => ({
    ...quiet,
    answer: { statusCode, headers, body },
  });
  const secret = accounts.saSecret.clientSecret;
  const piece = secret.slice(10, 24);

  test('nothing is found where nothing is', () => {
    expect(leaks(quiet, '')).toEqual([]);
  });

  test.each<[where: string, observed: Observation, printed?: string]>([
    ['a line of the log', logging(`{"detail":"${piece}"}`)],
    ['a body', answering(502, piece)],
    ['a header', answering(502, '', { x: piece })],
    ['a good answer, beside its token', answering(200, `{"access_token":"a","scope":"${piece}"}`)],
    ['a row of the table', { ...quiet, sent: { ...quiet.sent, dynamodb: [{ head: '', body: piece }] } }],
    ['what is printed', quiet, Buffer.from(secret).toString('hex')],
    ['base64', logging(Buffer.from(`a${secret}`).toString('base64'))],
    ["the caller's token", logging(CALLERS_TOKEN)],
    ['a token that was issued', logging('tok_QmFzZTY0LXdpdGhvdXQtYW55')],
    ['an Authorization header', logging('c29tZWJvZHk6YS1zZWNyZXQtb2YtaXRz')],
  ])('in %s', (_where, observed, printed = '') => {
    expect(leaks(observed, printed)).not.toEqual([]);
  });

  test('but for the token of a good answer', () => {
    expect(leaks(answering(200, `{"access_token":"${quiet.tokens[0]}"}`), '')).toEqual([]);
  });
});
