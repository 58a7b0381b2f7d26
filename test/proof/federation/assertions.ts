import { judgeAnswer, type Played, PROMISES, runOf, shown } from '../events/answer-rules.ts';
import { createRandom } from '../runner/random.ts';
import type { History, Run, Tell, World } from '../runner/worlds.ts';
import { CHANGES, type Draft, pick } from './changes.ts';
import { decide, type Request } from './reference.ts';
import { BROKER, type Claims, KEY_OF, PARTIES, TYPES, WORKLOADS } from './setting.ts';
import { signParts } from './signing.ts';
import { createHonestStage, type Stage } from './stage.ts';

const NAMES = Object.keys(CHANGES);

const HEADERS: readonly Claims[] = [{}, { typ: 'JWT' }, { typ: 'client-authentication+jwt' }];
/** How often a request has no change, one, two, and so on. */
const SHARES = [1, 6, 4, 2, 1];

/** A request: its items are the changes that made it. The place of a change among them is part of what it draws. */
interface Plan extends History {
  readonly workload: number;
}

function createPlan(seed: string): Plan {
  const random = createRandom(seed);
  const count = pick(
    random,
    SHARES.flatMap((share, index) => Array<number>(share).fill(index)),
  );
  const items = Array.from({ length: count }, (_, at) => ({ kind: pick(random, NAMES), at }));
  return { seed, workload: random.int(0, WORKLOADS.length - 1), items };
}

/** Makes the request of a plan. What a change draws does not depend on the others. */
function requestOf({ seed, workload, items }: Plan): Request {
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
  for (const { kind, at } of items) CHANGES[kind]?.(draft, createRandom(`${seed}/${at}/${kind}`));
  const texts = { header: JSON.stringify(draft.header), claims: JSON.stringify(draft.claims) };
  for (const { of, change } of draft.edits) texts[of] = change(texts[of]);
  const signed = signParts(texts.header, texts.claims, draft.pair, draft.algorithm);
  const jwt = draft.finish.reduce((made, change) => change(made), signed);
  return { ...draft.request, jwt: draft.isSent ? jwt : undefined };
}

const PIECE = 16;

/** Whether an answer or the log repeats a part of the assertion. */
const leaks = (played: Played, { jwt = '' }: Request): boolean => {
  const said = shown(played);
  return jwt
    .split('.')
    .some(
      (part) =>
        part.length >= 2 * PIECE && (said.includes(part.slice(0, 2 * PIECE)) || said.includes(part.slice(-PIECE))),
    );
};

/** Plays a request, and compares the answer with the second verifier's. */
export const judge = (request: Request, stage: Stage) =>
  judgeAnswer(stage.play(request), {
    endpoint: 'token',
    right: new Set([decide(request)]),
    others: (played) => (leaks(played, request) ? ['repeats a part of the assertion'] : []),
  });

/** One sandbox for all: it knows the keys of the issuers. */
let stage: Stage | undefined;

async function play(plan: Plan, tell: Tell = () => undefined): Promise<Run> {
  stage ??= createHonestStage();
  const request = requestOf(plan);
  for (const part of (request.jwt ?? '').split('.').slice(0, 2)) tell(Buffer.from(part, 'base64url').toString());
  const { decision = 'none', breaches } = await judge(request, stage);
  return runOf([decision, ...plan.items.map(({ kind }) => kind)], plan.items.length, breaches);
}

const DECISIONS = ['200', '400 invalid_request', '401 invalid_client', '403 unauthorized_client'];

/** Assertions of callers without IAM, compared with a second verifier. */
export const ASSERTIONS: World = { kinds: [...DECISIONS, ...NAMES], promises: PROMISES, createPlan, play };
