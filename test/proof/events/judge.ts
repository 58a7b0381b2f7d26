import { errorOf, faultsOf } from './answer-judge.ts';
import { FATES } from './identities.ts';
import type { Plan } from './plan.ts';
import { predict } from './prediction.ts';
import type { Played, Stage } from './stage.ts';

/** What must never happen. */
export const VIOLATIONS = ['uncaught', 'answers 5xx', 'differing decisions', 'other faults'] as const;

export type Violation = (typeof VIOLATIONS)[number];

/** Something that is wrong with the result of an event. */
export interface Finding {
  readonly kind: Violation;
  readonly what: string;
}

/** The result of one event. */
export interface Outcome {
  /** The status, and the error code if there is one. */
  readonly decision: string;
  /** What the answer says about its error; empty if it is none. */
  readonly description: string;
  readonly findings: readonly Finding[];
}

/** Whether a kind of caller may get this decision, whatever the two authorisers say. */
function isFate({ endpoint, identity: [name], edits }: Plan, decision: string): boolean {
  if (endpoint === 'metadata' || edits.length > 0) return true;
  if (name in FATES.untrusted) return decision === '401 invalid_client';
  if (name in FATES.unlisted) return decision === '403 unauthorized_client';
  return !(name in FATES.listed) || decision !== '401 invalid_client';
}

/** Plays one event and judges its result. */
export async function judge(plan: Plan, event: unknown, stage: Stage): Promise<Outcome> {
  const { endpoint, identity } = plan;
  const findings: Finding[] = [];
  const find = (kind: Violation, what: string) => findings.push({ kind, what });
  let played: Played;
  try {
    played = await stage.play(endpoint, event);
  } catch (thrown) {
    find('uncaught', thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown);
    return { decision: 'uncaught', description: '', findings };
  }
  const { code, description } = errorOf(played.answer);
  const decision = [played.answer.statusCode, ...(code === undefined ? [] : [code])].join(' ');
  const right = predict(event, endpoint);
  if (decision.startsWith('5')) find('answers 5xx', decision);
  if (!right.has(decision)) find('differing decisions', `${decision}, but should be ${[...right].join(' or ')}`);
  if (!isFate(plan, decision)) find('other faults', `${identity[0]} gets ${decision}`);
  for (const what of faultsOf(played, endpoint, event, stage)) find('other faults', what);
  return { decision, description, findings };
}
