import { describe, expect, test } from 'vitest';
import { fail, ok } from '../../../lib/core/result.ts';
import type { OAuthAnswer, Send } from '../../../lib/oauth/transport.ts';
import { ALL_CASES, type Case, nameOf } from './catalogue.ts';
import { leaks } from './judge.ts';
import { CALLERS_TOKEN } from './places.ts';
import { CONFIDENTIAL } from './profiles.ts';
import { runCases, wrongs } from './run.ts';
import type { Observation } from './stage.ts';

const PATIENCE_MS = 240_000;

const named = (name: string): Case => {
  const found = ALL_CASES.find((played) => nameOf(played) === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
};

const DOWN = named('zitadel, client credentials: cut: says half of the body and hangs up');
const SILENT = named('zitadel, introspection: connection: takes the request and falls silent');
const KNOWN = named('zitadel, client credentials, a token is known: connection: takes the request and breaks off');

const TOKEN: OAuthAnswer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"access_token":"a","token_type":"Bearer","expires_in":60}',
};

describe('a broker that errs is found out', () => {
  let issued = 0;
  const issue = (): OAuthAnswer => {
    issued += 1;
    return { ...TOKEN, body: TOKEN.body.replace('"a"', `"another-token-${issued}"`) };
  };

  test.each<[name: string, played: Case, send: Send, found: RegExp]>([
    ['never gives up', SILENT, () => new Promise<never>(() => undefined), /^hang: never answers$/m],
    ['takes what was cut for a token', DOWN, async () => ok(TOKEN), /^cell: 200 instead of 503/m],
    ['has another token than the known one', KNOWN, async () => ok(issue()), /^cell: not the known token$/m],
    [
      'takes a cut for nonsense',
      DOWN,
      async () => fail({ kind: 'garbled', detail: 'CUT' }),
      /^cell: 502 instead of 503/m,
    ],
    [
      'does not ask at all',
      DOWN,
      async () => fail({ kind: 'timeout', detail: 'total' }),
      /^cell: hostility was never met$/m,
    ],
    ['throws', DOWN, () => Promise.reject(new Error('a bug')), /^cell: a bug: .*^cell: 500 instead of 503/ms],
  ])(
    'one that %s',
    async (_name, played, send, found) => {
      const [broken] = wrongs(await runCases([played], undefined, { overrides: { send } }));
      expect(broken?.join('\n')).toMatch(found);
    },
    PATIENCE_MS,
  );

  test(
    'one that takes its time',
    async () => {
      const clockless: Send = async () => fail({ kind: 'timeout', detail: 'total' });
      const slow = { ...DOWN, place: { ...DOWN.place, limitMs: -1 } };
      const [broken] = wrongs(await runCases([slow], undefined, { overrides: { send: clockless } }));
      expect(broken?.join('\n')).toMatch(/^hang: \d+ ms instead of -1 ms$/m);
    },
    PATIENCE_MS,
  );
});

describe('whatever comes out is looked through', () => {
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
  const [secret = ''] = Object.values(CONFIDENTIAL);
  const piece = secret.slice(10, 24);

  test('nothing is found where nothing is', () => {
    expect(leaks(quiet, '')).toEqual([]);
  });

  test.each<[where: string, observed: Observation, extra: string]>([
    ['a line of the log', { ...quiet, lines: [`{"detail":"${piece}"}`] }, ''],
    ['a body', { ...quiet, answer: { statusCode: 502, headers: {}, body: piece } }, ''],
    ['a header', { ...quiet, answer: { statusCode: 502, headers: { x: piece }, body: '' } }, ''],
    [
      'a good answer, beside its token',
      { ...quiet, answer: { statusCode: 200, headers: {}, body: `{"access_token":"a","scope":"${piece}"}` } },
      '',
    ],
    ['a row of the table', { ...quiet, sent: { ...quiet.sent, dynamodb: [{ head: '', body: piece }] } }, ''],
    ['what is printed', quiet, Buffer.from(secret).toString('hex')],
    ['base64', { ...quiet, lines: [Buffer.from(`a${secret}`).toString('base64')] }, ''],
    ["the caller's token", { ...quiet, lines: [CALLERS_TOKEN] }, ''],
    ['a token that was issued', { ...quiet, lines: ['tok_QmFzZTY0LXdpdGhvdXQtYW55'] }, ''],
    ['an Authorization header', { ...quiet, lines: ['c29tZWJvZHk6YS1zZWNyZXQtb2YtaXRz'] }, ''],
  ])('in %s', (_where, observed, extra) => {
    expect(leaks(observed, extra)).not.toEqual([]);
  });

  test('but for the token of a good answer', () => {
    const [token = ''] = quiet.tokens;
    const answer = { statusCode: 200, headers: {}, body: `{"access_token":"${token}"}` };
    expect(leaks({ ...quiet, answer }, '')).toEqual([]);
  });
});
