import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { instant } from '../../lib/core/time.ts';
import { type SigningKey, signAssertion } from '../../lib/oauth/assertion.ts';
import { section } from './section.ts';
import { median, ratio, showSpread } from './stats.ts';
import { inTurns } from './turns.ts';

const SIGNATURES = 40;
const ASSERTION = { subject: 's', audience: 'https://a.example', jti: 'j', now: instant(1_795_438_700_000) };

/** Microseconds for each signature. */
async function time(alg: SigningKey['alg'], key: () => KeyObject): Promise<number> {
  const startedAt = performance.now();
  for (let count = 0; count < SIGNATURES; count += 1)
    await signAssertion({ kid: 'k', alg, privateKey: key() }, ASSERTION);
  return ((performance.now() - startedAt) * 1000) / SIGNATURES;
}

/** What it saves to parse a key once. */
export const signingSection = section({
  name: 'signing',
  title: 'Signing',
  whole: { rounds: 25 },
  quick: { rounds: 9 },
  async measure({ rounds }) {
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const sign = (alg: SigningKey['alg'], key: KeyObject, pem: string | Buffer) =>
      inTurns(['cached', 'parsed'], {
        rounds,
        warmUp: 1,
        sample: (name) => time(alg, name === 'cached' ? () => key : () => createPrivateKey(pem)),
      });
    return {
      RS256: await sign('RS256', rsa, rsa.export({ type: 'pkcs1', format: 'pem' })),
      ES256: await sign('ES256', ec, ec.export({ type: 'sec1', format: 'pem' })),
    };
  },
  show(raw) {
    const kinds = Object.entries(raw);
    return {
      tables: [
        {
          title: 'An assertion with a key that is kept, and with one that is parsed each time',
          rows: kinds.map(([algorithm, { cached, parsed }]) => ({
            algorithm,
            'kept, µs': showSpread(cached, 0),
            'parsed, µs': showSpread(parsed, 0),
            'parsed × kept': showSpread(ratio(parsed, cached)),
          })),
        },
      ],
      ratios: kinds.map(([alg, { cached, parsed }]) => [`${alg}, parsed × kept`, median(ratio(parsed, cached))]),
    };
  },
});
