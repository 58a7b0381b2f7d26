import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFolder } from '../folder.ts';
import { startInstalled } from './installed.ts';

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

/**
 * Starts nginx as a cache in front of `upstream`; answers its port, or nothing if it is not installed.
 * @throws {Error} if it does not start
 */
export function startNginx(upstream: string) {
  const home = createFolder('nginx');
  const file = join(home, 'nginx.conf');
  return startInstalled('nginx', (port) => {
    writeFileSync(file, configure(home, port, upstream));
    return ['-p', home, '-c', file];
  });
}
