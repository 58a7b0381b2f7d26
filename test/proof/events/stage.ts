import { createSandbox } from '../../../lib/compose/sandbox.ts';
import type { GatewayAnswer } from '../../../lib/http/answer.ts';
import { type Canaries, createCanaries } from '../../support/canaries.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { SECRETS, START } from '../../support/fleet.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { profilesOf } from '../../support/profiles.ts';
import type { Endpoint } from './endpoints.ts';
import { DOCUMENT } from './profiles.ts';
import { SENT } from './tokens.ts';
import { createInProcessZitadel, type InProcessZitadel } from './zitadel.ts';

/** What an event led to. */
export interface Played {
  readonly answer: GatewayAnswer;
  /** What was logged meanwhile. */
  readonly lines: readonly string[];
}

/** One sandbox with everything it needs in this process, on a clock that stands still. */
export interface Stage {
  /** Hands an event to an endpoint. Rejects if the endpoint does. */
  readonly play: (endpoint: Endpoint, event: unknown) => Promise<Played>;
  readonly zitadel: InProcessZitadel;
  readonly canaries: Canaries;
}

/** Of each invocation; its id is for events without an id of their own. */
const CONTEXT = { getRemainingTimeInMillis: () => 15_000, awsRequestId: 'b7f2c1d0-5e4a-4c0e-9a55-3f1f6f0e2d11' };

/** Creates a stage on which nothing has happened yet. */
export function createStage(): Stage {
  const canaries = createCanaries();
  const secrets = createMemorySecrets();
  for (const [name, secret] of Object.entries(SECRETS)) {
    secrets.put(name, secret);
    for (const [member, value] of Object.entries(JSON.parse(secret) as Record<string, string>)) {
      if (['clientSecret', 'key'].includes(member)) canaries.plant(`${member} of ${name}`, value);
    }
  }
  for (const [name, tokens] of Object.entries(SENT))
    for (const token of tokens) canaries.plant(`token sent, ${name}`, token);
  const zitadel = createInProcessZitadel((token) => canaries.plant('token issued', token));
  let lines: string[] = [];
  let uuids = 1;
  const sandbox = createSandbox(
    profilesOf(DOCUMENT),
    { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'test' },
    {
      clock: createFakeClock(START),
      random: () => 0.5,
      uuid: () => `00000000-0000-4000-8000-${String(uuids++).padStart(12, '0')}`,
      send: zitadel.send,
      secrets,
      table: createMemoryTable(),
      write: (line) => lines.push(line),
    },
  );
  return {
    zitadel,
    canaries,
    async play(endpoint, event) {
      lines = [];
      const answer = await sandbox[endpoint](event, CONTEXT);
      return { answer, lines };
    },
  };
}
