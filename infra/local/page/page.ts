import { readFileSync } from 'node:fs';
import type { Profiles } from '../../../lib/broker/profiles/profile.ts';
import type { Key } from '../callers.ts';
import type { Address } from '../curl.ts';
import type { Issuers } from '../issuers.ts';
import { UsageError } from '../settings.ts';
import type { ShiftedClock } from '../shifted-clock.ts';
import type { Stack } from '../stack.ts';
import type { Zitadel } from '../zitadel/server.ts';
import type { Feed } from './feed.ts';
import { createProfileSwitches } from './profile-switches.ts';
import { createPage, type Page } from './server.ts';
import { createSwitches } from './switches.ts';

/** A running stack, and what it was started with. */
export interface StackPageOptions {
  readonly stack: Stack;
  readonly clock: ShiftedClock;
  /** It has the log of the stack, and the requests to ZITADEL. */
  readonly feed: Feed;
  readonly profiles: Profiles;
  readonly keys: ReadonlyMap<string, Key>;
  /** The issuers of assertions that run. */
  readonly issuers: Issuers;
  readonly address: Address;
  /** ZITADEL's stand-in, if it runs. */
  readonly zitadel: Zitadel | undefined;
  /** Default: the port after the gateway's if it is free, else any. */
  readonly port?: number | undefined;
}

/**
 * Serves the page of a stack.
 * @throws {UsageError} if the `port` is in use
 */
export async function createStackPage({ port, ...options }: StackPageOptions): Promise<Page> {
  const { stack, profiles, address } = options;
  const isOurs = [...profiles.values()].every(({ issuer }) => issuer === options.zitadel?.url);
  const authority =
    address.authorityFile === undefined ? {} : { authority: readFileSync(address.authorityFile, 'utf8') };
  const deps = { ...options, ...authority, zitadel: isOurs ? options.zitadel : undefined };
  const switches = [...createProfileSwitches(deps), ...createSwitches(deps)];
  const open = (chosen: number) => createPage({ ...deps, switches, broker: stack.gateway.url, port: chosen });
  if (port === undefined) return open(stack.gateway.port + 1).catch(() => open(0));
  return open(port).catch(() => {
    throw new UsageError(`port ${port} is in use: choose another for the page with --page-port N`);
  });
}
