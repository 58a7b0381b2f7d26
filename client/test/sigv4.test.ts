import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Signer, sign, type Unsigned } from '../src/sigv4.ts';

/** What AWS's own signer makes of a request. */
async function signedByAws({ url, headers, body }: Unsigned, { credentials, region, nowMs }: Signer): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    service: 'execute-api',
    region,
    sha256: Sha256,
    applyChecksum: false,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  });
  const request = new HttpRequest({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { ...headers, host: url.host },
    body,
  });
  const signed = await signer.sign(request, { signingDate: new Date(nowMs) });
  return signed.headers.authorization ?? '';
}

const text = (minLength: number) => fc.string({ minLength, maxLength: 40, unit: 'grapheme-ascii' });
const key = fc.stringMatching(/^[A-Za-z0-9+/=]{8,40}$/);
const segment = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  fc.string({ maxLength: 12, unit: 'grapheme' }).map(encodeURI),
  fc.constantFrom('', '$default', "!'()*", '%2F', '.', '..', '~', 'a=b&c', '@:+,;'),
);

const request: fc.Arbitrary<Unsigned> = fc.record({
  url: fc
    .tuple(
      fc.constantFrom('https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com', 'http://127.0.0.1:8787'),
      fc.array(segment),
    )
    .map(([origin, segments]) => new URL(`${origin}/${segments.join('/').replace(/[?#\\]/g, '-')}`)),
  headers: fc.record({
    'content-type': fc.constantFrom('application/x-www-form-urlencoded', ' a  b '),
    'x-amz-z': text(0).map((value) => value.trim()),
  }),
  body: fc.oneof(text(0), fc.string({ unit: 'grapheme' })),
});

const signer: fc.Arbitrary<Signer> = fc.record({
  credentials: fc.record({ accessKeyId: key, secretAccessKey: key, sessionToken: fc.option(key, { nil: undefined }) }),
  region: fc.constantFrom('eu-central-1', 'us-east-1', 'cn-north-1'),
  nowMs: fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2100, 0) }),
});

/** As many as the test says. */
const RUNS = 10_000;

test('10,000 requests have the signature of AWS', { timeout: 120_000 }, async () => {
  const check = fc.asyncProperty(request, signer, async (unsigned, by) => {
    expect((await sign(unsigned, by)).authorization).toBe(await signedByAws(unsigned, by));
  });
  await fc.assert(check, { numRuns: RUNS });
});
