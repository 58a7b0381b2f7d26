import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { systemClock } from '../../lib/compose/journal.ts';
import { createHttpClient } from '../../lib/net/http-client.ts';
import { LARGEST_BODY_BYTES } from '../../lib/net/transport.ts';
import type { RunningProxy } from '../proxy/server.ts';
import { startProxy } from '../proxy/start.ts';
import type { Key } from './callers.ts';
import type { Address } from './curl.ts';
import type { ShiftedClock } from './shifted-clock.ts';

/** Starts the proxy in front of the gateway. It asks for each profile as the profile's own caller. */
export function createLocalProxy(
  { url, region, authorityFile }: Address,
  keys: ReadonlyMap<string, Key>,
  { clock, port, print }: { clock: ShiftedClock; port: number; print: (line: string) => void },
): Promise<RunningProxy> {
  if (authorityFile !== undefined) {
    tls.setDefaultCACertificates([...tls.getCACertificates(), readFileSync(authorityFile, 'utf8')]);
  }
  const providers = new Map([...keys.values()].map(({ principal }) => [principal, async () => principal] as const));
  const [anyone = async () => Promise.reject(new Error('no profile has a caller'))] = providers.values();
  return startProxy({
    url,
    region,
    port,
    credentialsOf(profile) {
      const key = keys.get(profile);
      return (key && providers.get(key.principal)) ?? anyone;
    },
    http: createHttpClient({ clock: systemClock, largestBytes: LARGEST_BODY_BYTES, env: {} }),
    clock,
    instant: () => ({ wall: clock.now(), steady: 0 }),
    log: (line) => print(JSON.stringify({ proxy: line })),
  });
}
