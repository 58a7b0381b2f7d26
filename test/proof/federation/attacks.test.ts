import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { listen } from '../../../infra/local/stand-in.ts';
import { createIssuerKeys } from '../../../lib/broker/federation/issuer-keys.ts';
import { createTransport } from '../../../lib/net/transport.ts';
import { createCanaries } from '../../support/canaries.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { answer, START } from '../../support/fleet.ts';
import { until } from '../../support/turns.ts';
import { faultsOfAnswer, shown } from '../events/answer-rules.ts';
import { judge } from './assertions.ts';
import { ATTACKS } from './attacks.ts';
import { TROUBLES } from './issuers.ts';
import type { Request } from './reference.ts';
import { BROKER, NOW, PARTIES } from './setting.ts';
import { signParts } from './signing.ts';
import { createHonestStage, createStage, eventOf, type Stage, serveHonestly } from './stage.ts';

const answerTo = async (request: Request, stage: Stage) => (await judge(request, stage)).decision;

const requestOf = (name: string): Request => {
  const found = ATTACKS.find((attack) => attack.name === name);
  if (found === undefined) throw new Error(`no attack is called ${name}`);
  return found.request;
};
const GOOD = requestOf('the format of `sub` that GitHub has for new repositories');

describe('an attack is answered', () => {
  test.each(ATTACKS)('$name: $answer', async ({ request, answer }) => {
    const stage = createHonestStage();
    expect(await judge(request, stage)).toMatchObject({ decision: answer, breaches: [] });
    expect(stage.urls.filter((url) => url.includes('evil'))).toEqual([]);
  });
});

/** What an issuer does that a sandbox has not read before. */
const OF_ISSUERS = Object.entries(TROUBLES).map(([name, spoil]) => ({
  name: `an issuer ${name}`,
  spoil,
  answer: '503 temporarily_unavailable',
}));

describe('an assertion is not refused for what its issuer does', () => {
  test.each(OF_ISSUERS)('$name: $answer', async ({ spoil, answer }) => {
    const request = requestOf('(none: an honest assertion)');
    const stage = createStage((url) => spoil(url, serveHonestly(url)));
    expect(await answerTo(request, stage)).toBe(answer);
    expect(stage.urls.filter((url) => new URL(url).origin !== 'https://idp.example')).toEqual([]);
    expect(await answerTo(request, createHonestStage())).toBe('200');
  });
});

test('an event with anything anywhere is answered below 500, by the rules of all answers', async () => {
  const stage = createHonestStage();
  const good = eventOf(GOOD);
  const places = [
    ['headers'],
    ['headers', 'content-type'],
    ['headers', 'authorization'],
    ['queryStringParameters'],
    ['multiValueQueryStringParameters'],
    ['pathParameters'],
    ['pathParameters', 'profile'],
    ['rawPath'],
    ['path'],
    ['requestContext'],
    ['requestContext', 'domainName'],
    ['requestContext', 'path'],
    ['requestContext', 'requestId'],
    ['body'],
    ['isBase64Encoded'],
  ] as const;
  const edit = fc.record({ place: fc.constantFrom(...places), value: fc.oneof(fc.anything(), fc.string()) });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 3 }), async (edits) => {
      const event = structuredClone(good);
      for (const { place, value } of edits) {
        const [first, second] = place;
        const members = event[first];
        if (second === undefined) event[first] = value;
        else if (typeof members === 'object' && members !== null) Object.assign(members, { [second]: value });
      }
      const played = await stage.handle(event);
      expect(played.answer.statusCode).toBeLessThan(500);
      expect([...faultsOfAnswer(played, 'token')]).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test('a key of RSA below 2048 bits verifies nothing (RFC 8725 §3.4)', async () => {
  const play = (modulusLength: number) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
    const pair = { publicKey, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'own' } };
    const { iss } = PARTIES.idp;
    const keys = answer(200, { keys: [pair.jwk] });
    const stage = createStage((url) => (url === `${iss}keys` ? keys : serveHonestly(url)));
    const claims = { iss, aud: BROKER, sub: 'agent-1', tenant: 'acme', iat: NOW - 10, exp: NOW + 290 };
    const jwt = signParts({ alg: 'RS256', kid: 'own' }, claims, pair, 'RS256');
    return answerTo({ ...requestOf('(none: an honest assertion)'), jwt }, stage);
  };
  expect(await play(1024)).toBe('401 invalid_client');
  expect(await play(2048)).toBe('200');
});

test('no request leaves for an issuer that no profile names', async () => {
  const stage = createHonestStage();
  const issuers = ATTACKS.filter(({ name }) => name.startsWith('an issuer '));
  for (const { request } of issuers) await stage.play(request);
  expect(issuers.length).toBeGreaterThan(4);
  expect(stage.urls).toEqual([]);
});

test('a flood of made-up key ids reads the issuer once in 30 s', async () => {
  const stage = createHonestStage();
  const unknown = requestOf('`kid` of no key');
  for (let at = 0; at < 200; at += 1) {
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `made-up-${at}` })).toString('base64url');
    const jwt = unknown.jwt?.replace(/^[^.]+/, header);
    expect(await answerTo({ ...unknown, jwt }, stage)).toBe('401 invalid_client');
  }
  expect(stage.urls).toHaveLength(2);
});

test('an unknown profile and one of others cost the same steps, and are answered and logged alike', async () => {
  const verify = vi.spyOn(crypto.subtle, 'verify');
  const seen = [];
  // The same assertion, for the URL of all profiles, on a warm sandbox.
  for (const profile of ['unknown', 'billing', 'reports']) {
    const stage = createHonestStage();
    await stage.play(GOOD);
    const before = stage.calls();
    verify.mockClear();
    const { answer, lines } = await stage.play({ ...GOOD, profile });
    const { error: logged, ...line } = JSON.parse(lines[0] ?? '');
    seen.push({
      ...answer,
      signatures: verify.mock.calls.length,
      calls: stage.calls() - before,
      line: { ...line, profile: '' },
      kind: logged.kind,
    });
  }
  verify.mockRestore();
  expect(seen[0]).toMatchObject({ statusCode: 403, signatures: 1, calls: 0 });
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
});

test('no part of an assertion is in a log, an answer or a row, whatever is wrong with it', async () => {
  const canaries = createCanaries();
  const stage = createHonestStage();
  const said: string[] = [];
  for (const { name, request } of ATTACKS) {
    const [, claims = '', signature = ''] = (request.jwt ?? '').split('.');
    for (const part of [claims, signature]) if (part.length > 60) canaries.plant(name, part);
    said.push(shown(await stage.play(request)));
  }
  expect(canaries.count()).toBeGreaterThan(60);
  expect(canaries.search(said.join('\n') + JSON.stringify([...stage.rows]))).toEqual([]);
  expect(stage.rows.size).toBeGreaterThan(0);
});

describe('the keys of an issuer, over real sockets', () => {
  const serve = async (listener: RequestListener): Promise<string> => {
    const { url, close } = await listen(listener);
    onTestFinished(close);
    return url;
  };
  const read = (url: string, clock = createFakeClock(START)) =>
    createIssuerKeys({ clock, send: createTransport({ clock, allowLoopbackHttp: true }) }).get(
      { name: 'one', kind: 'oidc', issuer: url, algorithms: ['RS256'], jwksUri: `${url}/keys` },
      'rsa',
    );
  const keys = JSON.stringify({ keys: [PARTIES.cluster.pairs.rsa.jwk] });

  test('a JWKS of 10 MB is not read to its end', async () => {
    let written = 0;
    function* pieces() {
      for (; written < 10_000_000; written += 64 * 1024) yield Buffer.alloc(64 * 1024, ' ');
      yield keys;
    }
    const url = await serve((_req, res) => void pipeline(pieces, res).catch(() => undefined));
    expect(await read(url)).toMatchObject({ ok: false });
    expect(written).toBeLessThan(10_000_000);
  });

  test('a slow JWKS ends after 3 s', async () => {
    const clock = createFakeClock(START);
    let isAsked = false;
    const url = await serve((_req, res) => {
      isAsked = true;
      res.write('{"keys":[');
    });
    const reading = read(url, clock);
    await until(() => isAsked);
    await clock.advance(3_000);
    expect(await reading).toMatchObject({ ok: false });
  });

  test('a redirecting JWKS is not followed', async () => {
    let isFollowed = false;
    const other = await serve((_req, res) => {
      isFollowed = true;
      res.end(keys);
    });
    const url = await serve((_req, res) => res.writeHead(302, { location: `${other}/keys` }).end());
    expect(await read(url)).toEqual({ ok: false, error: 'status 302' });
    expect(isFollowed).toBe(false);
  });
});

test('the table of SECURITY.md is these attacks', () => {
  const text = readFileSync(new URL('../../../SECURITY.md', import.meta.url), 'utf8');
  const [, table = ''] = /\| attack \| answer \|\n\| --- \| --- \|\n((?:\|.*\n)+)/.exec(text) ?? [];
  const written = table.split('\n').filter((line) => line !== '');
  expect(written).toEqual([...ATTACKS, ...OF_ISSUERS].map(({ name, answer }) => `| ${name} | ${answer} |`));
});
