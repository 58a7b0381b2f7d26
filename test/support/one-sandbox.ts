import { BULLETIN_KEY } from '../../lib/broker/store/bulletin.ts';
import type { Token } from '../../lib/broker/token/freshness.ts';
import { plus } from '../../lib/core/time.ts';
import { createFleet, type Fleet, type FleetOptions, type Member } from './fleet.ts';

/** The fleet of the test that runs, and its first sandbox: new before each test where the file says `beforeEach(() => begin())`. */
export let fleet: Fleet;
export let member: Member;

/** Starts anew, with other profiles or lives. */
export function begin(options: FleetOptions = {}): void {
  fleet = createFleet(options);
  member = fleet.start();
}

/** The notices in the table, as they are written there. */
export const notices = (): readonly string[] => fleet.table.rows.get(BULLETIN_KEY)?.notices ?? [];

/**
 * A token of a profile's own.
 * @throws {Error} naming the kind of the error where there is none
 */
export async function obtainOwn(name: string, by: Member = member): Promise<Token> {
  const profile = fleet.profile(name);
  const deadline = plus(fleet.clock.now(), 15_000);
  const obtained = await fleet.run(by.tokens.obtain({ profile, scopes: profile.scopes }, deadline));
  if (!obtained.ok) throw new Error(obtained.error.kind);
  return obtained.value.token;
}
