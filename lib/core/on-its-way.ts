/**
 * Begins a write, and resolves once it is on its way, or over if the store cannot tell. The write itself goes on: its
 * outcome is in `done`.
 * @throws {unknown} what is thrown before the write is on its way
 */
export async function onItsWay<T>(begin: (onSent: () => void) => Promise<T>): Promise<{ readonly done: Promise<T> }> {
  const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
  const done = begin(onSent);
  await Promise.race([sent, done]);
  return { done };
}
