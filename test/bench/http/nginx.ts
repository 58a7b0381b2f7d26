import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** A program that serves at a port. */
export interface Served {
  readonly port: number;
  readonly close: () => Promise<void>;
}

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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });

async function untilOpen(port: number, nginx: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && nginx.exitCode === null; attempt += 1) {
    if (await isOpen(port)) return;
    await wait(BETWEEN_ATTEMPTS_MS);
  }
  throw new Error('nginx is installed, but does not start');
}

/** Starts nginx as a cache in front of `upstream`; nothing where it is not installed. */
export async function startNginx(upstream: string): Promise<Served | undefined> {
  if (spawnSync('nginx', ['-v']).error !== undefined) return undefined;
  const home = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const port = await freePort();
  writeFileSync(join(home, 'nginx.conf'), configure(home, port, upstream));
  const nginx = spawn('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], { stdio: 'ignore' });
  const closed = new Promise<void>((resolve) => nginx.once('close', () => resolve()));
  const close = async () => {
    nginx.kill();
    await closed;
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await untilOpen(port, nginx);
    return { port, close };
  } catch (error) {
    await close();
    throw error;
  }
}
