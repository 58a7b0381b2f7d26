import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Environment, fromEnvironment, keepCredentials } from '../src/credentials.ts';

const NOW = 1_795_438_700_000;
const folder = mkdtempSync(join(tmpdir(), 'token-'));
const file = join(folder, 'token');
afterAll(() => rmSync(folder, { recursive: true }));

const EXPIRATION = new Date(NOW + 3_600_000);
const GIVEN = {
  AccessKeyId: 'ASIAX',
  SecretAccessKey: 'the-secret',
  Token: 'the-session',
  Expiration: EXPIRATION.toISOString(),
};
const READ = {
  accessKeyId: 'ASIAX',
  secretAccessKey: 'the-secret',
  sessionToken: 'the-session',
  expiration: EXPIRATION,
};

/** Reads from an environment whose endpoint answers this. */
async function read(env: Environment, answer: () => Response = () => Response.json(GIVEN)) {
  const asked: [url: string, authorization: string | null, redirect: string | undefined][] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    asked.push([String(url), new Headers(init?.headers).get('authorization'), init?.redirect]);
    return answer();
  };
  const credentials = await fromEnvironment({ env, fetch, now: () => NOW });
  return { credentials, asked };
}

test('the environment comes first', async () => {
  const { credentials, asked } = await read({
    AWS_ACCESS_KEY_ID: 'ASIAX',
    AWS_SECRET_ACCESS_KEY: 'the-secret',
    AWS_SESSION_TOKEN: 'the-session',
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x',
  });
  expect(credentials).toEqual({ accessKeyId: 'ASIAX', secretAccessKey: 'the-secret', sessionToken: 'the-session' });
  expect(asked).toEqual([]);
});

describe('the container endpoint', () => {
  const full = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
  writeFileSync(file, 'of the file\n');
  // biome-ignore format: one case a line
  test.each<readonly [string, Environment, url: string, authorization: string | null]>([
    ['ECS', { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x', [full]: 'https://other' }, 'http://169.254.170.2/v2/x', null],
    ['EKS', { [full]: 'http://169.254.170.23/v1/credentials', AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'no' }, 'http://169.254.170.23/v1/credentials', 'of the file'],
    ['EKS, IPv6', { [full]: 'http://[fd00:ec2::23]/v1/credentials' }, 'http://[fd00:ec2::23]/v1/credentials', null],
    ['loopback', { [full]: 'http://127.0.0.1:99/a', AWS_CONTAINER_AUTHORIZATION_TOKEN: 'given' }, 'http://127.0.0.1:99/a', 'given'],
    ['https', { [full]: 'https://keys.example/a' }, 'https://keys.example/a', null],
  ])('%s', async (_name, env, url, authorization) => {
    const { credentials, asked } = await read(env);
    expect(asked).toEqual([[url, authorization, 'manual']]);
    expect(credentials).toEqual(READ);
  });

  test.each([
    ['http to another host', { [full]: 'http://keys.example/a' }],
    ['a name that begins like loopback', { [full]: 'http://127.0.0.1.example/a' }],
    ['no URL', { [full]: 'keys' }],
    ['another protocol', { [full]: 'ftp://127.0.0.1/a' }],
    ['no file', { [full]: 'http://127.0.0.1/a', AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(folder, 'none') }],
    ['nothing', {}],
  ])('is not asked: %s', async (_name, env) => {
    const asked: string[] = [];
    const fetch = async (url: unknown) => Response.json({ ...GIVEN, asked: asked.push(String(url)) });
    await expect(fromEnvironment({ env, fetch, now: () => NOW })).rejects.toMatchObject({ code: 'no_credentials' });
    expect(asked).toEqual([]);
  });

  test.each([
    ['an error', () => new Response('the-secret', { status: 500 })],
    ['no JSON', () => new Response('the-secret')],
    ['no keys', () => Response.json({ Code: 'the-secret' })],
    ['nothing', () => Response.error()],
  ])('that gives %s', async (_name, answer) => {
    const error = await read({ [full]: 'http://127.0.0.1/a' }, answer).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'no_credentials' });
    expect(String(error)).not.toContain('the-secret');
  });
});

describe('credentials are kept', () => {
  const MINUTE = 60_000;
  /** How often the provider was asked after each pause. */
  async function calls(pausesMs: readonly number[], lifeMs: number | undefined, failsFrom = Number.POSITIVE_INFINITY) {
    let nowMs = NOW;
    let asked = 0;
    const provider = keepCredentials(
      async () => {
        asked += 1;
        if (asked >= failsFrom) throw new Error('no more');
        const keys = { accessKeyId: 'a', secretAccessKey: 'b' };
        return lifeMs === undefined ? keys : { ...keys, expiration: new Date(nowMs + lifeMs) };
      },
      () => nowMs,
    );
    const counts: (number | string)[] = [];
    for (const pauseMs of pausesMs) {
      nowMs += pauseMs;
      counts.push(
        await provider().then(
          () => asked,
          () => 'failed',
        ),
      );
    }
    return counts;
  }

  // biome-ignore format: one case a line
  test.each<readonly [string, pausesMs: number[], lifeMs: number | undefined, failsFrom: number | undefined, (number | string)[]]>([
    ['until 5 minutes before their end', [0, 54 * MINUTE, MINUTE], 60 * MINUTE, undefined, [1, 1, 2]],
    ['until their end where no others come', [0, 57 * MINUTE, 3 * MINUTE], 60 * MINUTE, 2, [1, 2, 'failed']],
    ['not without an end', [0, 0], undefined, undefined, [1, 2]],
  ])('%s', async (_name, pausesMs, lifeMs, failsFrom, counts) => {
    expect(await calls(pausesMs, lifeMs, failsFrom)).toEqual(counts);
  });

  test('one request for all that wait', async () => {
    let asked = 0;
    const provider = keepCredentials(
      async () => {
        asked += 1;
        return { accessKeyId: 'a', secretAccessKey: 'b' };
      },
      () => NOW,
    );
    await Promise.all([provider(), provider()]);
    expect(asked).toBe(1);
  });
});

test('the token file of EKS is read again at each refresh', async () => {
  const rotated = join(folder, 'rotated');
  let nowMs = NOW;
  const sent: (string | null)[] = [];
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: rotated,
  };
  const fetch: typeof globalThis.fetch = async (_url, init) => {
    sent.push(new Headers(init?.headers).get('authorization'));
    return Response.json({ ...GIVEN, Expiration: new Date(nowMs + 3_600_000).toISOString() });
  };
  const now = () => nowMs;
  const provide = keepCredentials(() => fromEnvironment({ env, fetch, now }), now);
  for (const content of ['one', 'two', 'three']) {
    writeFileSync(rotated, content);
    await provide();
    await provide();
    nowMs += 3_300_000;
  }
  expect(sent).toEqual(['one', 'two', 'three']);
});
