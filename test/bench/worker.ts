import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { onEnd } from './ends.ts';

/** How to end a process that was started just now. When that resolves, all its output has arrived. */
export function stopOf(child: ChildProcess): () => Promise<void> {
  const closed = new Promise((resolve) => child.once('close', resolve));
  return async () => {
    child.kill();
    await closed;
  };
}

/** Starts the program of a file in a process of its own, which answers each order with one message, until the part ends. */
export function startWorker(file: string, options: ForkOptions = {}) {
  const child = fork(file, options);
  const stop = stopOf(child);
  onEnd(stop);
  const ended = once(child, 'close').then(([code]) => Promise.reject(new Error(`${file} has ended with ${code}`)));
  ended.catch(() => undefined);
  return {
    child,
    /** @throws {Error} if the program ends instead */
    async ask<Answer>(order: object) {
      const answered = once(child, 'message');
      child.send(order);
      const [answer] = await Promise.race([answered, ended]);
      return answer as Answer;
    },
    stop,
  };
}
