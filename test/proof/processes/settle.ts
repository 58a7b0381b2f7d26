/** Real time, while processes work. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** All that is under way ends in this time by itself. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 20;

/** Waits until the condition holds, but not for ever. */
export async function settle(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS;
  while (!(await condition()) && performance.now() < endsAt) await sleep(LOOK_EVERY_MS);
}
