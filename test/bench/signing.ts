import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { instant } from '../../lib/core/time.ts';
import { type SigningKey, signAssertion } from '../../lib/oauth/assertion.ts';
import type { BenchOptions, Measured, Section } from './section.ts';
import { ratio, showSpread, spread } from './stats.ts';

const SAMPLES = 25;
const QUICK_SAMPLES = 9;
const SIGNATURES = 40;
const NOW = instant(1_795_438_700_000);

const sign = (alg: SigningKey['alg'], privateKey: KeyObject): Promise<string> =>
  signAssertion({ kid: 'k', alg, privateKey }, { subject: 's', audience: 'https://a.example', jti: 'j', now: NOW });

/** Microseconds for each signature. */
async function time(work: () => Promise<string>): Promise<number> {
  const startedAt = performance.now();
  for (let count = 0; count < SIGNATURES; count += 1) await work();
  return ((performance.now() - startedAt) * 1000) / SIGNATURES;
}

async function run({ isQuick, note }: BenchOptions): Promise<Measured> {
  const kinds = [
    { alg: 'RS256', key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, type: 'pkcs1' },
    { alg: 'ES256', key: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, type: 'sec1' },
  ] as const;
  const rows: (string | number)[][] = [];
  const raw: Record<string, { cached: number[]; parsed: number[] }> = {};
  const ratios: Record<string, number> = {};
  for (const { alg, key, type } of kinds) {
    const pem = key.export({ type, format: 'pem' } as never) as unknown as string;
    const cached: number[] = [];
    const parsed: number[] = [];
    await time(() => sign(alg, key));
    for (let sample = 0; sample < (isQuick ? QUICK_SAMPLES : SAMPLES); sample += 1) {
      cached.push(await time(() => sign(alg, key)));
      parsed.push(await time(() => sign(alg, createPrivateKey(pem))));
    }
    note(`signing: ${alg}`);
    raw[alg] = { cached, parsed };
    const times = ratio(parsed, cached);
    ratios[`${alg}, parsed × kept`] = times.median;
    rows.push([alg, showSpread(spread(cached), 0), showSpread(spread(parsed), 0), showSpread(times)]);
  }
  return {
    tables: [
      {
        title: 'An assertion with a key that is kept, and with one that is parsed each time',
        columns: ['algorithm', 'kept, µs', 'parsed, µs', 'parsed × kept'],
        rows,
      },
    ],
    goals: [],
    ratios,
    plots: {},
    raw,
  };
}

/** What it saves to parse a key once. */
export const signingSection: Section = { name: 'signing', title: 'Signing', run };
