import type { Rules } from './clauses.ts';
import { beginning, type Scenario, type State, steps } from './lease-model.ts';

/** What all histories of a scenario have in common. */
export interface Explored {
  readonly states: number;
  /** The first fault that was met, and the way to it. */
  readonly fault?: string;
  readonly history: readonly string[];
  /** Whether a token can be obtained at all. */
  readonly isTokenIssued: boolean;
}

interface Found {
  readonly state: State;
  readonly before?: Found;
  readonly what: string;
}

function historyOf(found: Found): string[] {
  const lines: string[] = [];
  for (let at: Found | undefined = found; at !== undefined; at = at.before) lines.unshift(at.what);
  return lines;
}

/** Visits every state that a scenario can come to, the nearest first; ends at the first fault. */
export function explore(scenario: Scenario, rules: Rules): Explored {
  const first: Found = { state: beginning(scenario), what: scenario.name };
  const seen = new Set([JSON.stringify(first.state)]);
  const waiting: Found[] = [first];
  let isTokenIssued = false;
  for (let at = 0; at < waiting.length; at += 1) {
    const before = waiting[at] as Found;
    for (const { what, state, fault } of steps(scenario, rules, before.state)) {
      const found: Found = { state, before, what };
      if (fault !== undefined) return { states: seen.size, fault, history: historyOf(found), isTokenIssued };
      isTokenIssued ||= state.obtained > 0;
      const key = JSON.stringify(state);
      if (seen.has(key)) continue;
      seen.add(key);
      waiting.push(found);
    }
  }
  return { states: seen.size, history: [], isTokenIssued };
}
