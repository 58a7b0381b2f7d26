import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createRuntimeApi } from './server.ts';

/** What to start. */
export interface SandboxOptions {
  /** The bundle: its `index.cjs`. */
  readonly bundle: string;
  /** The function's environment; nothing of this process's own is handed on. */
  readonly env: Readonly<Record<string, string>>;
  /** Epoch milliseconds, by which deadlines are told. */
  readonly now?: () => number;
  /** Arguments of Node before the runtime, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
}

/** How a process has ended. */
interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.cjs');

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/**
 * Starts a function's process as Lambda does, with a runtime API of its own. It has not loaded anything yet when this
 * resolves: wait for `idle`, or just invoke it. It ends with this process at the latest.
 */
export async function startSandbox({ bundle, env, now = Date.now, nodeArguments = [] }: SandboxOptions) {
  const { host, invoke, idle, close } = await createRuntimeApi(now);
  const taskRoot = dirname(bundle);
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [...nodeArguments, BOOTSTRAP], {
    env: {
      TZ: ':UTC',
      LANG: 'en_US.UTF-8',
      // The AWS SDK looks for settings there, and must not find those of whoever is logged in.
      HOME: taskRoot,
      AWS_REGION: 'eu-central-1',
      AWS_LAMBDA_FUNCTION_NAME: 'zitadel-token-broker-test',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_LAMBDA_RUNTIME_API: host,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      LAMBDA_TASK_ROOT: taskRoot,
      _HANDLER: 'index.handler',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<Exit>((resolve) => {
    // Not 'exit': what it wrote last is still on its way then.
    child.once('close', async (code, signal) => {
      living.delete(child);
      await close();
      resolve({ code, signal });
    });
  });
  return {
    invoke,
    idle,
    /** When the process was started, by `performance.now()`. */
    startedAtMs,
    /** Stops it as Lambda does between invocations: timers, sockets and all (SIGSTOP). */
    freeze: () => void child.kill('SIGSTOP'),
    /** Lets it go on (SIGCONT). */
    thaw: () => void child.kill('SIGCONT'),
    /** Ends it without a word (SIGKILL), frozen or not. */
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await exited;
    },
    /** All that it has written so far, byte for byte (latin1). */
    output: () => ({ stdout, stderr }),
    exited,
  };
}
