/** What ends when the part that measures now is done. */
const ends: (() => unknown)[] = [];

/** Has something ended when the part that measures now is done, or has failed. */
export const onEnd = (end: () => unknown): void => void ends.unshift(end);

/** Ends all of it: what was started last ends first. */
export async function endAll(): Promise<void> {
  for (const end of ends.splice(0)) await end();
}
