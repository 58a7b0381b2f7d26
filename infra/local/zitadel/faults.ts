import { type Reply, text } from './http.ts';
import { cannotSetInstance, type Origin } from './origin.ts';

/** A fault of the whole instance: `slow` answers late, `reset` closes the connection. */
export type Fault = (typeof FAULTS)[number];
export const FAULTS = ['blocked', 'database_away', 'slow', 'reset'] as const;

/** How late a slow instance answers. */
export const SLOW_MS = 3000;

const DATABASE_ERROR =
  '(failed to connect to `user=zitadel database=zitadel`: 127.0.0.1:5432 (127.0.0.1): dial error: ' +
  'dial tcp 127.0.0.1:5432: connect: connection refused)';

/** The answer of every endpoint under the fault; the other faults change how it answers, not what. */
export function faultReply(fault: Fault | undefined, origin: Origin): Reply | undefined {
  if (fault === 'blocked') return text('Your ZITADEL instance is blocked.\n', 429);
  if (fault !== 'database_away') return undefined;
  return cannotSetInstance(origin, `ID=QUERY-d3fas Message=An internal error occurred Parent=${DATABASE_ERROR}`, 500);
}

/** Whether the process lives, and whether it is ready; a block does not change that. */
export function debug(path: string, fault: Fault | undefined): Reply | undefined {
  if (path === '/debug/healthz') return text('ok');
  if (path !== '/debug/ready') return undefined;
  if (fault === 'database_away') {
    return text(`ID=API-F24h2 Message=DB CONNECTION ERROR Parent=${DATABASE_ERROR}\n`, 412);
  }
  return { status: 200, contentType: 'application/json', body: '"ok"' };
}
