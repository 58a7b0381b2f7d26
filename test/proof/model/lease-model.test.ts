import { describe, expect, test } from 'vitest';
import { MUTANTS, REAL, type Rules } from './clauses.ts';
import { explore } from './explore.ts';
import { SCENARIOS } from './scenarios.ts';

/** Why the rules do not do: a fault that can come about, or a token that cannot be obtained. */
function complaint(rules: Rules): string | undefined {
  for (const scenario of SCENARIOS) {
    const { fault, isTokenIssued, history } = explore(scenario, rules);
    if (fault !== undefined) return `${fault}: ${history.join('; ')}`;
    if (!isTokenIssued) return `nobody can obtain a token: ${scenario.name}`;
  }
  return undefined;
}

// One of the worlds has so many histories that a busy machine needs a minute for it.
describe('the conditions of the lease, in every history of a small world', { timeout: 180_000 }, () => {
  test.each(SCENARIOS)('$name', (scenario) => {
    const { fault, history, isTokenIssued, states } = explore(scenario, REAL);
    expect({ fault, history }).toEqual({ fault: undefined, history: [] });
    expect(isTokenIssued).toBe(true);
    expect(states).toBeGreaterThan(50);
  });
});

describe('no clause can be left out', () => {
  test.each(MUTANTS)('$clause', ({ rules }) => {
    expect(complaint(rules)).toBeDefined();
  });
});
