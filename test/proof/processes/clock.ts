import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The wall clock of a world: real time, and what was added to it. */
export interface WorldClock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Lets time jump ahead in all processes at once. As in a sandbox that was frozen, timers that run do not notice. */
  readonly jump: (ms: number) => void;
  /** With these arguments of Node and this environment, a process has this clock. */
  readonly nodeArguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Creates a clock that shows real time until it jumps. The processes read from `file` how far it is ahead. */
export function createWorldClock(file: string): WorldClock {
  let aheadMs = 0;
  function jump(ms: number): void {
    aheadMs += ms;
    writeFileSync(file, String(aheadMs));
  }
  jump(0);
  const nodeArguments = ['--require', join(import.meta.dirname, 'shifted-clock.cjs')];
  return { now: () => Date.now() + aheadMs, jump, nodeArguments, env: { CLOCK_FILE: file } };
}
