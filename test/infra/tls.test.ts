import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../infra/local/stand-in.ts';
import { createLocalTls, type LocalTls, readKept } from '../../infra/local/tls/kept-authority.ts';

const DAY_MS = 86_400_000;

let folder: string;
let nowMs: number;
let first: LocalTls;
let authority: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tls-'));
  nowMs = Date.now();
  first = await createLocalTls(folder, nowMs);
  authority = readFileSync(first.authorityFile, 'utf8');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('only the owner reads the key of the authority, and clients get its certificate alone', () => {
  expect(statSync(join(folder, 'ca-key.pem')).mode & 0o777).toBe(0o600);
  expect(authority).not.toContain('PRIVATE');
});

test('the certificate is for this machine, in its dates, and the authority can sign for nothing else', () => {
  const server = new X509Certificate(first.identity.cert);
  const ca = new X509Certificate(authority);
  expect(server.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  expect([server.checkIssued(ca), server.verify(ca.publicKey), ca.ca, server.ca]).toEqual([true, true, true, false]);
  for (const { validFrom, validTo } of [server, ca]) {
    expect(Date.parse(validFrom)).toBeLessThan(nowMs);
    expect(Date.parse(validTo)).toBeGreaterThan(nowMs + 396 * DAY_MS);
  }
  // RFC 5280 §4.2.1.10: the object identifier of the name constraints, critical.
  expect(ca.raw.toString('hex')).toContain('0603551d1e0101ff');
});

describe('a server with it', () => {
  const fetchFrom = (url: string, ca?: string) =>
    new Promise<number | string | undefined>((resolve) => {
      get(url, { ...(ca && { ca }), agent: false }, (res) => resolve(res.resume().statusCode)).on(
        'error',
        ({ code }: NodeJS.ErrnoException) => resolve(code),
      );
    });

  test('is trusted by who trusts the authority, and ends at once, even in the middle of a handshake', async () => {
    const server = await listen((_req, res) => void res.end(), { tls: first.identity });
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    expect(await fetchFrom(server.url, authority)).toBe(200);
    expect(await fetchFrom(`https://localhost:${server.port}`, authority)).toBe(200);
    expect(await fetchFrom(server.url)).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/);
    const silent = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    silent.on('error', () => undefined);
    await server.close();
  });
});

describe('the authority', () => {
  test('is the same at the next start, with another certificate', async () => {
    const next = await createLocalTls(folder, nowMs + DAY_MS);
    expect(readFileSync(next.authorityFile, 'utf8')).toBe(authority);
    expect(next.identity.cert).not.toBe(first.identity.cert);
  });

  test.each<[string, (whole: string) => string, number, boolean]>([
    ['kept for years', (whole) => whole, 3200, true],
    ['replaced before it would end', (whole) => whole, 3300, false],
    ['replaced if it is of a time to come', (whole) => whole, -2, false],
    ['replaced if its file is damaged', (whole) => whole.slice(0, 900), 0, false],
    ['replaced if its key is another', () => `${first.identity.key}\n${authority}`, 0, false],
    ['new if there is none', () => '', 0, false],
  ])('is %s', (_name, change, days, isKept) => {
    const file = join(folder, 'other.pem');
    writeFileSync(file, change(readFileSync(join(folder, 'ca-key.pem'), 'utf8')));
    expect(readKept(file, nowMs + days * DAY_MS)?.cert).toBe(isKept ? authority.trim() : undefined);
  });
});
