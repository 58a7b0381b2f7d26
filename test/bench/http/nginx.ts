import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { listen } from '../../../infra/local/stand-in.ts';

const ATTEMPTS = 100;
const BETWEEN_ATTEMPTS_MS = 50;

/** One worker, for the load has the other core. Started by root, it stays root: nobody else may enter its folder. */
const configure = (home: string, port: number, upstream: string): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${home}/nginx.pid;
error_log ${home}/error.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${home}/body;
  client_body_buffer_size 64k;
  proxy_temp_path ${home}/proxy;
  fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi;
  scgi_temp_path ${home}/scgi;
  proxy_cache_path ${home}/cache keys_zone=tokens:1m;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${upstream};
      proxy_cache tokens;
      proxy_cache_methods POST;
      proxy_cache_key "$uri $http_authorization $request_body";
      proxy_cache_valid 200 10m;
      proxy_ignore_headers Cache-Control Expires Set-Cookie;
    }
  }
}
`;

async function isOpen(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  const connected = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return connected;
}

/**
 * Waits until a program listens on a port.
 * @throws {Error} if it ends instead, or does not listen in time
 */
export async function untilOpen(program: ChildProcess, port: number) {
  const closed = once(program, 'close');
  const close = async () => {
    program.kill();
    await closed;
  };
  for (let attempt = 0; attempt < ATTEMPTS && program.exitCode === null; attempt += 1) {
    if (await isOpen(port)) return { port, close };
    await wait(BETWEEN_ATTEMPTS_MS);
  }
  await close();
  throw new Error(`${program.spawnfile} is installed, but does not start`);
}

/**
 * Starts nginx as a cache in front of `upstream`; answers nothing if it is not installed.
 * @throws {Error} if it does not start
 */
export async function startNginx(upstream: string) {
  if (spawnSync('nginx', ['-v']).error !== undefined) return undefined;
  const home = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const { port, close: free } = await listen(() => undefined);
  await free();
  writeFileSync(join(home, 'nginx.conf'), configure(home, port, upstream));
  const nginx = spawn('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], { stdio: 'ignore' });
  const { close, ...started } = await untilOpen(nginx, port).catch((error: Error) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  return { ...started, close: () => close().finally(() => rmSync(home, { recursive: true, force: true })) };
}
