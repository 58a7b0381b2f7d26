import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { listen } from '../../../infra/local/stand-in.ts';
import { onEnd } from '../ends.ts';
import { stopOf } from '../worker.ts';

const ATTEMPTS = 100;
const BETWEEN_ATTEMPTS_MS = 50;

/** Whether something comes to be; otherwise it fails. */
const succeeds = (event: Promise<unknown>): Promise<boolean> =>
  event.then(
    () => true,
    () => false,
  );

async function isOpen(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  const isConnected = await succeeds(once(socket, 'connect'));
  socket.destroy();
  return isConnected;
}

/**
 * Starts a program of others, until the part ends, on a free port; answers the port as soon as the program listens, or
 * nothing if it is not installed.
 * @throws {Error} if it ends instead, or does not listen in time
 */
export async function startInstalled(
  program: string,
  argumentsFor: (port: number) => readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number | undefined> {
  const { port, close } = await listen(() => undefined);
  await close();
  const child = spawn(program, argumentsFor(port), { env, stdio: 'ignore' });
  const stop = stopOf(child);
  if (!(await succeeds(once(child, 'spawn')))) return undefined;
  onEnd(stop);
  for (let attempt = 0; attempt < ATTEMPTS && child.exitCode === null; attempt += 1) {
    if (await isOpen(port)) return port;
    await wait(BETWEEN_ATTEMPTS_MS);
  }
  throw new Error(`${program} is installed, but does not start`);
}
