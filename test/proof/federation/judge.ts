import { faultsOfAnswer, type Played, parse, shown } from '../events/answer-rules.ts';
import { type Plan, planOf, requestOf } from './assertions.ts';
import { decide, type Request } from './reference.ts';
import type { Finding, Play } from './run.ts';
import { createHonestStage, type Stage } from './stage.ts';

/** What must never happen. */
export const VIOLATIONS = ['uncaught', 'answers 5xx', 'differing decisions', 'other faults'] as const;

/** How the broker has answered, and what is wrong with that. */
interface Judgement {
  /** The status and the error code. */
  readonly decision: string;
  readonly findings: readonly (Finding & { readonly kind: (typeof VIOLATIONS)[number] })[];
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

/** Plays a request and compares the answer with the second verifier's. */
export async function judge(request: Request, stage: Stage): Promise<Judgement> {
  let played: Played;
  try {
    played = await stage.play(request);
  } catch (thrown) {
    return { decision: 'uncaught', findings: [{ kind: 'uncaught', what: String(thrown) }] };
  }
  const { statusCode, body } = played.answer;
  const { error } = Object(parse(body)) as { readonly error?: string };
  const decision = [statusCode, ...(error === undefined ? [] : [error])].join(' ');
  const right = decide(request);
  const findings: Judgement['findings'][number][] = [];
  if (statusCode >= 500) findings.push({ kind: 'answers 5xx', what: decision });
  if (decision !== right) findings.push({ kind: 'differing decisions', what: `${decision}, but should be ${right}` });
  for (const what of faultsOfAnswer(played, 'token')) findings.push({ kind: 'other faults', what });
  if (leaks(played, request)) findings.push({ kind: 'other faults', what: 'repeats a part of the assertion' });
  return { decision, findings };
}

/** The changes that a violation needs. */
async function shrink(plan: Plan, isBad: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  for (const at of plan.changes.keys()) {
    // Its place among the changes is part of what it draws.
    const smaller = { ...plan, changes: plan.changes.map((name, index) => (index === at ? '' : name)) };
    if (plan.changes[at] !== '' && (await isBad(smaller))) return shrink(smaller, isBad);
  }
  return plan;
}

const LONGEST_SHOWN = 300;

/** A plan and the assertion that it makes, to be read. */
function describe(plan: Plan): string {
  const parts = (requestOf(plan).jwt ?? '').split('.').slice(0, 2);
  const texts = parts.map((part) => Buffer.from(part, 'base64url').toString().slice(0, LONGEST_SHOWN));
  return [`made of: ${JSON.stringify(plan)}`, ...texts].join('\n');
}

/** Plays generated assertions, all in one sandbox. A finding is told with no change that it does not need. */
export function createAssertionPlay(): Play {
  const stage = createHonestStage();
  const judgePlan = (plan: Plan) => judge(requestOf(plan), stage);
  return async (seed, count) => {
    const plan = planOf(seed);
    const { decision, findings } = await judgePlan(plan);
    for (const name of [decision, ...plan.changes]) count(name);
    if (findings.length === 0) return [];
    const small = await shrink(plan, async (smaller) => (await judgePlan(smaller)).findings.length > 0);
    return findings.map(({ kind, what }) => ({ kind, what: `${what}\n${describe(small)}` }));
  };
}
