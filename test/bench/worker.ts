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

/** What a program answers, by the names of its orders. */
type Program = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Starts the program of a file in a process of its own, which takes one order after the other, until the part ends. */
export function startWorker<P extends Program>(file: string, options: ForkOptions = {}) {
  const child = fork(file, options);
  const stop = stopOf(child);
  onEnd(stop);
  const ended = once(child, 'close').then(([code]) => Promise.reject(new Error(`${file} has ended with ${code}`)));
  ended.catch(() => undefined);
  return {
    child,
    /** @throws {Error} if the program ends instead */
    async ask<Name extends keyof P>(name: Name, ...args: Parameters<P[Name]>): Promise<Awaited<ReturnType<P[Name]>>> {
      const answered = once(child, 'message');
      child.send({ name, args });
      const [answer] = await Promise.race([answered, ended]);
      return answer;
    },
    stop,
  };
}

/** Has this process take the orders of the one that has started it, for as long as that one lives. */
export function serve(program: Program): void {
  process.on('message', async ({ name, args }: { name: string; args: never[] }) =>
    process.send?.(await program[name]?.(...args)),
  );
  process.once('disconnect', () => process.exit(0));
}
