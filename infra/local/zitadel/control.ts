import { FAULTS, type Fault } from './faults.ts';
import { type Reply, text } from './http.ts';

/** Where faults are switched from outside the process, over loopback only. */
export const CONTROL_PATH = '/stand-in/faults';

/** What can be switched. */
export interface Switches {
  /** Puts the whole instance under a fault; `undefined` ends it. */
  readonly fault: (fault: Fault | undefined) => void;
  /** Refuses the first uses of each key that is added from now on, as reads lag behind writes. */
  readonly refuseNewKeysFor: (uses: number) => void;
}

const USAGE =
  `POST {"fault": ${FAULTS.map((name) => `"${name}"`).join(' | ')} | null} ` +
  'or {"refuseNewKeysFor": how many first uses of each key that is added from now on}\n';

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** Does what `POST /stand-in/faults` asks for: `{"fault": name}`, `{"fault": null}` or `{"refuseNewKeysFor": uses}`. */
export function control(method: string, body: string, switches: Switches): Reply {
  const { fault, refuseNewKeysFor: uses } = method === 'POST' ? parse(body) : {};
  const known = FAULTS.find((name) => name === fault);
  if (known !== undefined || fault === null) {
    switches.fault(known);
    return text(`fault: ${known ?? 'none'}\n`);
  }
  if (typeof uses === 'number' && Number.isSafeInteger(uses) && uses >= 0) {
    switches.refuseNewKeysFor(uses);
    return text(`new keys: refused ${uses} times\n`);
  }
  return text(USAGE, 400);
}
