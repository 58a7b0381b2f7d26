import type { UserState } from './accounts.ts';
import { setUserState } from './changes.ts';
import type { Reply } from './http.ts';
import type { Instance } from './instance.ts';
import { apiFault, done, FAULTS, type Protocol } from './management-faults.ts';
import type { Input } from './messages.ts';
import { formatTimestamp } from './timestamps.ts';

/** The caller: an account, by its token with ZITADEL's own audience, or the administrator. */
export interface Caller {
  readonly userId: string | undefined;
  readonly isAdmin: boolean;
  /** Whether it owns the projects, and so manages their applications. */
  readonly isOwner: boolean;
}

/** A parsed, authenticated and well-formed call of ZITADEL's API. */
export interface Call {
  readonly instance: Instance;
  readonly caller: Caller;
  readonly nowMs: number;
  readonly protocol: Protocol;
  readonly input: Input;
}

/** What a call does. */
export type Handler = (call: Call) => Reply | Promise<Reply>;

/** The answer to a call that cannot be executed. */
export const refuseCall = ({ protocol }: Call, name: keyof typeof FAULTS): Reply => apiFault(protocol, FAULTS[name]);

/** Whether the caller may see and change what belongs to an account, which may do so to itself, or to an application. */
export const mayManage = ({ caller }: Call, userId: string | undefined): boolean =>
  caller.isAdmin || (userId === undefined ? caller.isOwner : caller.userId === userId);

/** The answer to a caller without permission. It names a missing role only if the caller has another role. */
export const refuseCaller = (call: Call): Reply => {
  const hasRole = call.instance.impersonators?.has(call.caller.userId ?? '') === true;
  return refuseCall(call, hasRole ? 'noPermission' : 'noMembership');
};

/** Changes the state of an account, which no account may do to itself. */
export const changeState =
  (state: UserState): Handler =>
  (call) => {
    const user = call.instance.accounts.users.get(String(call.input.userId));
    if (user === undefined || !call.caller.isAdmin) return refuseCaller(call);
    setUserState(call.instance, user.userId, state);
    const details = { changeDate: formatTimestamp(call.nowMs), resourceOwner: call.instance.accounts.org };
    return done(call.protocol, { details });
  };
