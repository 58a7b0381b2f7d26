import type { Application, Key, ServiceAccount, UserState } from './accounts.ts';
import type { Instance } from './instance.ts';
import { createLagging } from './lagging.ts';

/**
 * The service account with this user id or user name, or the application with this client id.
 * @throws {Error} when there is none
 */
export function findHolder({ accounts }: Instance, id: string): ServiceAccount | Application {
  const holder =
    accounts.users.get(id) ??
    accounts.applications.get(id) ??
    [...accounts.users.values()].find(({ username }) => username === id);
  if (holder === undefined) throw new Error(`there is no account or application ${id}`);
  return holder;
}

/** A key to add. */
export type NewKey = Omit<Key, 'isPresent'>;

/** Adds a key, which reads see after the lag. */
export function addKey({ keys }: Pick<ServiceAccount, 'keys'>, key: NewKey, nowMs: number): void {
  const isPresent = createLagging(false);
  isPresent.write(true, nowMs);
  keys.set(key.keyId, { ...key, isPresent });
}

/** Changes an account's state, by its user id or user name. Any state but active ends its tokens permanently. */
export function setUserState(instance: Instance, id: string, state: UserState): void {
  const user = findHolder(instance, id);
  if (!('userId' in user)) throw new Error(`${id} is not an account`);
  user.state = state;
  if (state === 'active') return;
  for (const session of instance.sessions.values()) {
    if (session.userId === user.userId) session.isEnded = true;
  }
}
