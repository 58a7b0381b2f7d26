import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { instant } from '../../lib/core/time.ts';
import { type SigningKey, signAssertion } from '../../lib/oauth/assertion.ts';
import type { BenchOptions, Measured, Section } from './section.ts';
import { ratio, showSpread, spread } from './stats.ts';
import { inTurns } from './turns.ts';

const SAMPLES = 25;
const QUICK_SAMPLES = 9;
const SIGNATURES = 40;
const ASSERTION = { subject: 's', audience: 'https://a.example', jti: 'j', now: instant(1_795_438_700_000) };

/** Microseconds for each signature. */
async function time(alg: SigningKey['alg'], key: () => KeyObject): Promise<number> {
  const startedAt = performance.now();
  for (let count = 0; count < SIGNATURES; count += 1)
    await signAssertion({ kid: 'k', alg, privateKey: key() }, ASSERTION);
  return ((performance.now() - startedAt) * 1000) / SIGNATURES;
}

async function run({ isQuick, note }: BenchOptions): Promise<Measured> {
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const kinds = [
    { alg: 'RS256', key: rsa, pem: rsa.export({ type: 'pkcs1', format: 'pem' }) },
    { alg: 'ES256', key: ec, pem: ec.export({ type: 'sec1', format: 'pem' }) },
  ] as const;
  const rows = [];
  const raw: Record<string, object> = {};
  const ratios: Record<string, number> = {};
  for (const { alg, key, pem } of kinds) {
    const samples = await inTurns(['cached', 'parsed'], {
      rounds: isQuick ? QUICK_SAMPLES : SAMPLES,
      warmUp: 1,
      sample: (name) => time(alg, name === 'cached' ? () => key : () => createPrivateKey(pem)),
    });
    const { cached, parsed } = samples;
    const times = ratio(parsed, cached);
    rows.push([alg, showSpread(spread(cached), 0), showSpread(spread(parsed), 0), showSpread(times)]);
    ratios[`${alg}, parsed × kept`] = times.value;
    raw[alg] = samples;
    note(`signing: ${alg}`);
  }
  const title = 'An assertion with a key that is kept, and with one that is parsed each time';
  const tables = [{ title, columns: 'algorithm | kept, µs | parsed, µs | parsed × kept', rows }];
  return { tables, goals: [], ratios, raw };
}

/** What it saves to parse a key once. */
export const signingSection: Section = { name: 'signing', title: 'Signing', run, plots: () => [] };
