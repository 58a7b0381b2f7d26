import { join } from 'node:path';
import { createFakes } from '../cold/fakes.ts';
import { atMost, section } from '../section.ts';
import { serviceProfiles } from '../setting.ts';
import { median, showSpread } from '../stats.ts';
import { inTurns } from '../turns.ts';
import { startWorker } from '../worker.ts';
import type { Program } from './child.ts';

const CASES = ['a token request, without the broker', '1 caller', '100 callers at once'] as const;

/** Until the code that obtains tokens is compiled, as in a sandbox that has run for a while. */
const WARM_UP = 20;

const ZITADEL_MS = 50;
const MOST_MS = 60;

/** Many callers of a profile that has no token, by calls of the handler in one process; the services are in another. */
export const crowdSection = section({
  name: 'crowd',
  title: 'A crowd without a token',
  whole: { rounds: 40 },
  quick: { rounds: 20 },
  async measure({ rounds }) {
    const { env, setLatencies } = await createFakes();
    setLatencies({ secrets: 0, table: 0, zitadel: ZITADEL_MS });
    const count = 2 * (rounds + WARM_UP);
    const profiles = serviceProfiles(count, (name) => ({ secret: name, scopes: ['openid'] }), env.ISSUER);
    const { ask } = startWorker<Program>(join(import.meta.dirname, 'child.ts'), {
      env: { ...env, AWS_REGION: 'eu-central-1', PROFILES: JSON.stringify(profiles) },
    });
    const orders: Readonly<Record<(typeof CASES)[number], () => Promise<number>>> = {
      'a token request, without the broker': () => ask('direct'),
      '1 caller': () => ask('crowd', 1),
      '100 callers at once': () => ask('crowd', 100),
    };
    /** Milliseconds until the last caller has its token. */
    const samples = await inTurns(CASES, { rounds, warmUp: WARM_UP, sample: (name) => orders[name]() });
    return { samples };
  },
  show({ samples }) {
    const crowdMs = median(samples['100 callers at once']);
    return {
      tables: [
        {
          title: `Nobody has a token yet: a warm sandbox, ZITADEL takes ${ZITADEL_MS} ms`,
          rows: CASES.map((who) => ({ who, 'ms until the last has a token': showSpread(samples[who], 1) })),
        },
      ],
      goals: [atMost('100 callers without a token, ms', crowdMs, MOST_MS, 1)],
      ratios: [['100 callers × 1 caller', crowdMs / median(samples['1 caller'])]],
    };
  },
});
