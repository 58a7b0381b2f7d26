import { createRandom } from '../simulation/random.ts';
import { CHANGES, type Draft, pick } from './changes.ts';
import type { Request } from './reference.ts';
import { BROKER, type Claims, KEY_OF, PARTIES, TYPES, WORKLOADS } from './setting.ts';
import { signParts } from './signing.ts';

const NAMES = Object.keys(CHANGES);

const HEADERS: readonly Claims[] = [{}, { typ: 'JWT' }, { typ: 'client-authentication+jwt' }];
/** How often a request has no change, one, two, and so on. */
const SHARES = [1, 6, 4, 2, 1];

/** A request, and the changes that made it. */
export interface Plan {
  readonly seed: string;
  readonly workload: number;
  readonly changes: readonly string[];
}

/** The plan of a seed. */
export function planOf(seed: string): Plan {
  const random = createRandom(seed);
  const count = pick(
    random,
    SHARES.flatMap((share, index) => Array<number>(share).fill(index)),
  );
  const changes = Array.from({ length: count }, () => pick(random, NAMES));
  return { seed, workload: random.int(0, WORKLOADS.length - 1), changes };
}

/** Makes the request of a plan. What a change draws does not depend on the others. */
export function requestOf({ seed, workload, changes }: Plan): Request {
  const random = createRandom(`${seed}/request`);
  const [party, profile, claims] = WORKLOADS[workload] as (typeof WORKLOADS)[number];
  const { iss, algorithms, pairs } = PARTIES[party];
  const algorithm = pick(random, algorithms);
  const pair = pairs[KEY_OF[algorithm]];
  const aud = pick<unknown>(random, [BROKER, `${BROKER}/${profile}`, [BROKER]]);
  const draft: Draft = {
    party,
    header: { alg: algorithm, kid: pair.jwk.kid, ...pick(random, HEADERS) },
    claims: { ...(party === 'mesh' && random.chance(0.5) ? {} : { iss }), aud, ...structuredClone(claims) },
    edits: [],
    pair,
    algorithm,
    finish: [],
    request: { profile, type: party === 'mesh' ? TYPES.spiffe : TYPES.jwt },
    isSent: true,
  };
  changes.forEach((name, index) => {
    CHANGES[name]?.(draft, createRandom(`${seed}/${index}/${name}`));
  });
  const texts = { header: JSON.stringify(draft.header), claims: JSON.stringify(draft.claims) };
  for (const { of, change } of draft.edits) texts[of] = change(texts[of]);
  const signed = signParts(texts.header, texts.claims, draft.pair, draft.algorithm);
  const jwt = draft.finish.reduce((made, change) => change(made), signed);
  return { ...draft.request, jwt: draft.isSent ? jwt : undefined };
}
