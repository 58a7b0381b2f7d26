import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';

/** A program in a process of its own, which answers each order with one message. */
export interface Worker {
  readonly child: ChildProcess;
  /** @throws {Error} if the program ends instead */
  readonly ask: <Answer>(order: object) => Promise<Answer>;
  /** Ends it. When this resolves, all its output has arrived. */
  readonly stop: () => Promise<void>;
}

/** Starts the program of a file. */
export function startWorker(file: string, options: ForkOptions = {}): Worker {
  const child = fork(file, options);
  const closed = once(child, 'close');
  const ended = closed.then(([code]) => Promise.reject(new Error(`${file} has ended with ${code}`)));
  ended.catch(() => undefined);
  return {
    child,
    async ask<Answer>(order: object) {
      const answered = once(child, 'message');
      child.send(order);
      const [answer] = await Promise.race([answered, ended]);
      return answer as Answer;
    },
    async stop() {
      child.kill();
      await closed;
    },
  };
}
