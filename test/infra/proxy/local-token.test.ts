import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  isContainer,
  openLocalToken,
  readClientAuthentication,
  stateFolder,
} from '../../../infra/proxy/local-token.ts';
import { parseForm } from '../../../lib/oauth/form.ts';

const home = mkdtempSync(join(tmpdir(), 'local-token-'));
afterAll(() => rmSync(home, { recursive: true }));

test('a missing file is created with a random secret that only its owner can read; a second start uses it', () => {
  const file = join(home, 'new/local-token');
  const { isKnown } = openLocalToken(file);
  const secret = readFileSync(file, 'utf8').trim();
  expect(secret).toMatch(/^[\w-]{43}$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(isKnown([secret])).toBe(true);
  expect(isKnown(['other', secret])).toBe(true);
  expect(openLocalToken(file).isKnown([secret])).toBe(true);
  for (const wrong of [[], [''], [`${secret}x`], [secret.slice(1)]]) expect(isKnown(wrong)).toBe(false);
});

test('a replaced secret counts at once', () => {
  const file = join(home, 'replaced');
  writeFileSync(file, 'the-first-secret-of-the-clients\n');
  const { isKnown } = openLocalToken(file);
  writeFileSync(file, 'the-second-secret-of-the-clients\n');
  utimesSync(file, 1, 1);
  expect(isKnown(['the-second-secret-of-the-clients'])).toBe(true);
  expect(isKnown(['the-first-secret-of-the-clients'])).toBe(false);
});

test('a short secret and a file that cannot be written are refused with what to do', () => {
  const file = join(home, 'short');
  writeFileSync(file, 'secret');
  expect(() => openLocalToken(file)).toThrow(`${file} must hold at least 22 random characters`);
  expect(() => openLocalToken(join(file, 'below'))).toThrow(
    /\((?:ENOTDIR|EEXIST)\): name a file with --local-token FILE/,
  );
  chmodSync(file, 0o600);
});

describe('a container is recognised', () => {
  const cases: readonly (readonly [env: Record<string, string>, file: string, expected: boolean])[] = [
    [{}, '', false],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, '', true],
    [{ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2' }, '', true],
    [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23' }, '', true],
    [{}, '/.dockerenv', true],
  ];
  test.each(cases)('%j and the file %j: %j', (env, file, expected) => {
    expect(isContainer(env, (asked) => asked === file)).toBe(expected);
  });
});

test('the state is where the system wants it', () => {
  expect(stateFolder({ HOME: '/home/me' })).toBe('/home/me/.local/state/zitadel-token-broker');
  expect(stateFolder({ HOME: '/home/me', XDG_STATE_HOME: '/state' })).toBe('/state/zitadel-token-broker');
});

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('the secret of a client', () => {
  const cases: readonly (readonly [
    name: string,
    headers: { authorization?: string },
    body: string,
    isSent: boolean,
    secrets: string[],
  ])[] = [
    ['none', {}, 'grant_type=client_credentials', false, []],
    ['in the body', {}, 'client_id=a&client_secret=s%2B1', true, ['s+1']],
    ['only an id', {}, 'client_id=a', true, []],
    ['an assertion', {}, 'client_assertion=a.b.c', true, []],
    ['Basic, encoded', basic('a:s%2B1'), '', true, ['s%2B1', 's+1']],
    ['Basic, not encoded', basic('a:s+1&x=%'), '', true, ['s+1&x=%']],
    ['another scheme', { authorization: 'Bearer abc' }, '', true, []],
  ];
  test.each(cases)('%s', (_name, headers, body, isSent, secrets) => {
    const form = parseForm(body);
    if (!form.ok) throw new Error(form.error);
    expect(readClientAuthentication(headers, form.value)).toEqual({ isSent, secrets });
  });
});
