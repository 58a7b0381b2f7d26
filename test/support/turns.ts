/** One turn of the event loop: promises settle, and what has arrived on sockets is handled. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const PATIENCE_MS = 10_000;

/** Turns the event loop until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > endsAt) throw new Error('the condition has not come true in 10 s');
    await turn();
  }
}
