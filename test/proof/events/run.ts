import fc from 'fast-check';
import { judge, type Outcome, VIOLATIONS, type Violation } from './judge.ts';
import { assemble, type Plan, plans } from './plan.ts';
import { createStage, type Stage } from './stage.ts';

type Heading = readonly [heading: string, name: string];

/** The headings under which an event counts. */
function headings(plan: Plan, { decision, description }: Outcome): readonly Heading[] {
  const { endpoint, format, path, identity, form, changes, spelling, envelope, contentType, extras, edits } = plan;
  const sent = endpoint === 'metadata' ? {} : { form, spelling, envelope, 'content type': contentType };
  const parts = { identity, path, besides: extras, ...sent };
  return [
    ['version', format],
    ['endpoint', endpoint],
    ['status', decision],
    ...(description === '' ? [] : [['description', description] satisfies Heading]),
    ...Object.entries(parts).map(([heading, [name]]): Heading => [heading, name]),
    ...changes.map(([name]): Heading => ['change', name]),
    ['edits', String(edits.length)],
  ];
}

export interface RunOptions {
  readonly runs: number;
  /** Names the events: the same seed always gives the same events. */
  readonly seed: number;
  /** Begins with this counterexample. */
  readonly path?: string | undefined;
  readonly stage?: Stage;
}

/**
 * Plays generated events, each once, against one sandbox, until one is a violation, which is then shrunk.
 * @param onProgress is told how many events have been played
 */
export async function runEvents(
  { runs, seed, path = '', stage = createStage() }: RunOptions,
  onProgress: (events: number) => void = () => undefined,
) {
  /** How often something occurred, by heading and name. */
  const tally = new Map<string, Map<string, number>>();
  const violations = Object.fromEntries(VIOLATIONS.map((kind) => [kind, 0])) as Record<Violation, number>;
  let events = 0;
  let isShrinking = false;

  const property = fc.asyncProperty(plans, async (plan) => {
    const outcome = await judge(plan, assemble(plan), stage);
    const { findings } = outcome;
    if (!isShrinking) {
      events += 1;
      for (const [heading, name] of headings(plan, outcome)) {
        const counts = tally.get(heading) ?? new Map<string, number>();
        tally.set(heading, counts.set(name, (counts.get(name) ?? 0) + 1));
      }
      for (const { kind } of findings) violations[kind] += 1;
      onProgress(events);
    }
    isShrinking ||= findings.length > 0;
    if (findings.length > 0) throw new Error(findings.map(({ kind, what }) => `${kind}: ${what}`).join('; '));
  });
  const details = await fc.check(property, { numRuns: runs, seed, path });
  const [plan] = details.counterexample ?? [];
  const what = details.errorInstance instanceof Error ? details.errorInstance.message : '';
  /** The first violation, made as small as it can be; `undefined` if there is none. */
  const counterexample = plan && { plan, event: assemble(plan), what, path: details.counterexamplePath ?? '' };
  return { events, tally, violations, counterexample };
}

/** What a run has come to. */
export type Figures = Awaited<ReturnType<typeof runEvents>>;
