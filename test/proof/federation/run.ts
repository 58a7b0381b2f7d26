import { createFakeClock } from '../../support/fake-clock.ts';
import { answer, START } from '../../support/fleet.ts';
import { faultsOfAnswer, type Played, parse, shown } from '../events/answer-rules.ts';
import { type Plan, planOf, requestOf } from './assertions.ts';
import { decide, type Request } from './reference.ts';
import { PARTIES } from './setting.ts';
import { createStage, type Stage } from './stage.ts';

/** What must never happen. */
export const VIOLATIONS = ['uncaught', 'answers 5xx', 'differing decisions', 'other faults'] as const;
export type Violation = (typeof VIOLATIONS)[number];

/** Something that is wrong with the answer to a request. */
export interface Finding {
  readonly kind: Violation;
  readonly what: string;
}

/** What a run has come to. */
export interface Figures {
  readonly assertions: number;
  /** How often each decision, and each change, occurred. */
  readonly tally: Readonly<Record<string, number>>;
  readonly violations: Readonly<Record<Violation, number>>;
  /** The first violation, with no change that it does not need. */
  readonly counterexample?: { readonly plan: Plan; readonly request: Request; readonly what: string };
}

/** Honest issuers: metadata and keys, where each says that they are. */
export function serveHonestly(url: string) {
  for (const { iss, pairs, document } of Object.values(PARTIES)) {
    const keysUrl = String(document.jwksUri ?? `${iss.replace(/\/$/, '')}/keys`);
    if (url === `${iss.replace(/\/$/, '')}/.well-known/openid-configuration`)
      return answer(200, { issuer: iss, jwks_uri: keysUrl });
    if (url === keysUrl) return answer(200, { keys: Object.values(pairs).map(({ jwk }) => jwk) });
  }
  return answer(404, '');
}

/** A stage with honest issuers, on a clock that stands still. */
export const createHonestStage = (): Stage => createStage(createFakeClock(START), serveHonestly);

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
export async function judge(
  request: Request,
  stage: Stage,
): Promise<{ decision: string; findings: readonly Finding[] }> {
  const findings: Finding[] = [];
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

export interface RunOptions {
  readonly runs: number;
  readonly seed: string;
  readonly from?: number;
  readonly stage?: Stage;
}

/** Plays generated assertions until one is a violation. @param onProgress is told how many have been played */
export async function runAssertions(
  { runs, seed, from = 0, stage = createHonestStage() }: RunOptions,
  onProgress: (assertions: number) => void = () => undefined,
): Promise<Figures> {
  const tally: Record<string, number> = {};
  const violations = Object.fromEntries(VIOLATIONS.map((kind) => [kind, 0])) as Record<Violation, number>;
  const isBad = async (plan: Plan) => (await judge(requestOf(plan), stage)).findings.length > 0;
  for (let number = from; number < from + runs; number += 1) {
    const plan = planOf(seed, number);
    const { decision, findings } = await judge(requestOf(plan), stage);
    for (const name of [decision, ...plan.changes]) tally[name] = (tally[name] ?? 0) + 1;
    for (const { kind } of findings) violations[kind] += 1;
    onProgress(number + 1 - from);
    if (findings.length > 0) {
      const small = await shrink(plan, isBad);
      const what = findings.map((finding) => `${finding.kind}: ${finding.what}`).join('; ');
      return {
        assertions: number + 1 - from,
        tally,
        violations,
        counterexample: { plan: small, request: requestOf(small), what },
      };
    }
  }
  return { assertions: runs, tally, violations };
}
