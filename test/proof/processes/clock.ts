import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The wall clock of a world: real time, and what was added to it. */
export interface WorldClock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Lets time jump ahead, in all processes at once. Timers that run do not notice, as in a sandbox that was frozen. */
  readonly jump: (ms: number) => void;
  /** Arguments of Node with which a process has this clock. */
  readonly nodeArguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Creates a clock that shows real time until it jumps.
 * @param file where the processes read how far it is ahead
 */
export function createWorldClock(file: string): WorldClock {
  let aheadMs = 0;
  const write = () => writeFileSync(file, String(aheadMs));
  write();
  return {
    now: () => Date.now() + aheadMs,
    jump(ms) {
      aheadMs += ms;
      write();
    },
    nodeArguments: ['--require', join(import.meta.dirname, 'shifted-clock.cjs')],
    env: { CLOCK_FILE: file },
  };
}
