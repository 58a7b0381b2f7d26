/** Counts events since the last `take`, so that each event is reported exactly once. */
export interface Counter {
  readonly add: () => void;
  readonly take: () => number;
}

/** Creates a counter at 0. */
export function createCounter(): Counter {
  let count = 0;
  return {
    add: () => {
      count += 1;
    },
    take: () => {
      const taken = count;
      count = 0;
      return taken;
    },
  };
}
