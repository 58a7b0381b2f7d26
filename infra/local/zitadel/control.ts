import { FAULTS, type Fault } from './faults.ts';
import { type Reply, text } from './http.ts';

/** The endpoint that switches faults from outside the process, over loopback only. */
export const CONTROL_PATH = '/stand-in/faults';

/** What can be switched. */
export interface Switches {
  /** Puts the whole instance under a fault; `undefined` ends it. */
  readonly fault: (fault: Fault | undefined) => void;
  /** Lets these accounts (user ids) impersonate others; `undefined` switches impersonation off. */
  readonly impersonation: (impersonators: readonly string[] | undefined) => void;
  /** Lets these accounts (user ids) manage the applications of the projects. */
  readonly owners: (owners: readonly string[]) => void;
  /** How long reads of keys and secrets lag behind writes. */
  readonly lag: (ms: number) => void;
}

const USAGE =
  `POST {"fault": ${FAULTS.map((name) => `"${name}"`).join(' | ')} | null}, ` +
  '{"impersonation": [user ids that may act for others] | null}, ' +
  '{"owners": [user ids that manage the applications]} or {"lagMs": milliseconds}\n';

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** Handles `POST /stand-in/faults`, which changes one setting. */
export function control(method: string, body: string, switches: Switches): Reply {
  const { fault, impersonation, owners, lagMs } = method === 'POST' ? parse(body) : {};
  const known = FAULTS.find((name) => name === fault);
  if (known !== undefined || fault === null) {
    switches.fault(known);
    return text(`fault: ${known ?? 'none'}\n`);
  }
  if (Array.isArray(impersonation) || impersonation === null) {
    switches.impersonation(impersonation?.map(String));
    return text(`impersonation: ${impersonation === null ? 'off' : 'on'}\n`);
  }
  if (Array.isArray(owners)) {
    switches.owners(owners.map(String));
    return text(`owners: ${owners.length}\n`);
  }
  if (typeof lagMs === 'number' && Number.isSafeInteger(lagMs) && lagMs >= 0) {
    switches.lag(lagMs);
    return text(`lag: ${lagMs} ms\n`);
  }
  return text(USAGE, 400);
}
