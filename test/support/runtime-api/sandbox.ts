import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { RuntimeApi } from './server.ts';

/** A function's process. */
export interface SandboxProcess {
  readonly pid: number;
  /** Stops it as Lambda does between invocations: timers, sockets and all (SIGSTOP). */
  readonly freeze: () => void;
  /** Lets it go on (SIGCONT). */
  readonly thaw: () => void;
  /** Ends it without a word (SIGKILL), frozen or not. */
  readonly kill: () => Promise<void>;
  /** All that it has written so far, byte for byte (latin1). */
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** What to start. */
export interface SandboxOptions {
  /** The bundle: its `index.cjs`. */
  readonly bundle: string;
  /** The function's environment; nothing of this process's own is handed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly api: RuntimeApi;
  /** Arguments of Node before the runtime, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
}

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.cjs');

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Starts a function's process as Lambda does. It ends with this process at the latest. */
export function startSandbox({ bundle, env, api, nodeArguments = [] }: SandboxOptions): SandboxProcess {
  const taskRoot = dirname(bundle);
  const child = spawn(process.execPath, [...nodeArguments, BOOTSTRAP], {
    env: {
      TZ: ':UTC',
      LANG: 'en_US.UTF-8',
      // The AWS SDK looks for settings there, and must not find those of whoever is logged in.
      HOME: taskRoot,
      AWS_REGION: 'eu-central-1',
      AWS_LAMBDA_FUNCTION_NAME: 'zitadel-token-broker-test',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_LAMBDA_RUNTIME_API: api.host,
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
  const exited: SandboxProcess['exited'] = new Promise((resolve) => {
    // Not 'exit': what it wrote last is still on its way then.
    child.once('close', (code, signal) => {
      living.delete(child);
      api.lose();
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid ?? 0,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    output: () => ({ stdout, stderr }),
    exited,
  };
}
