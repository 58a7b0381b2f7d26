import { decisionOf, descriptionOf, faultsOf } from './answer-judge.ts';
import { DISPUTES } from './disputes.ts';
import { IDENTITIES } from './identities/all.ts';
import type { Endpoint, Plan } from './plan.ts';
import { predict } from './prediction.ts';
import type { Played, Stage } from './stage.ts';

/** What must never be. */
export const VIOLATIONS = ['uncaught', 'answers 5xx', 'differing decisions', 'other faults'] as const;

export type Violation = (typeof VIOLATIONS)[number];

/** What is wrong with what becomes of one event. */
export interface Finding {
  readonly kind: Violation;
  readonly what: string;
}

/** What one event came to. */
export interface Outcome {
  readonly decision: string;
  /** What the answer says of its error; empty where it is none. */
  readonly description: string;
  /** The disputes that excuse what would have been found. */
  readonly disputes: readonly string[];
  /** What they excuse. */
  readonly excused: readonly Finding[];
  readonly findings: readonly Finding[];
}

/** A caller of a kind that is never trusted, or listed nowhere, gets nothing: whatever the two authorisers say. */
function* unfated({ endpoint, identity: [name], edits }: Plan, decision: string): Generator<string> {
  if (endpoint === 'metadata' || edits.length > 0) return;
  const { fate } = IDENTITIES[name];
  if (fate === 'untrusted' && decision !== '401 invalid_client') yield `${name} gets ${decision}`;
  if (fate === 'unlisted' && decision !== '403 unauthorized_client') yield `${name} gets ${decision}`;
  if (fate === 'listed' && decision === '401 invalid_client') yield `${name} gets ${decision}`;
}

/** What is wrong with a decision, by the documents. */
function* faultsOfDecision(decision: string, event: unknown, endpoint: Endpoint): Generator<Finding> {
  const right = predict(event, endpoint);
  if (decision.startsWith('5')) yield { kind: 'answers 5xx', what: decision };
  if (right.has(decision)) return;
  yield { kind: 'differing decisions', what: `${decision}, but should be ${[...right].join(' or ')}` };
}

/**
 * Plays one event and judges all that comes of it.
 * @param known disputes that excuse a decision
 */
export async function judge(plan: Plan, event: unknown, stage: Stage, known = DISPUTES): Promise<Outcome> {
  const { endpoint } = plan;
  let played: Played;
  try {
    played = await stage.play(endpoint, event);
  } catch (thrown) {
    const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown;
    return { decision: 'uncaught', description: '', disputes: [], excused: [], findings: [{ kind: 'uncaught', what }] };
  }
  const decision = decisionOf(played);
  const decided = [...faultsOfDecision(decision, event, endpoint)];
  const disputes = decided.length === 0 ? [] : known.filter((dispute) => dispute.isMeant(event, endpoint, decision));
  const others = [...unfated(plan, decision), ...faultsOf(played, endpoint, event, stage)];
  return {
    decision,
    description: descriptionOf(played),
    disputes: disputes.map(({ what }) => what),
    excused: disputes.length === 0 ? [] : decided,
    findings: [
      ...(disputes.length === 0 ? decided : []),
      ...others.map((what): Finding => ({ kind: 'other faults', what })),
    ],
  };
}
