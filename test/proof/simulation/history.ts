import type { Asked, Happening, Issued } from './happening.ts';
import type { Item, Plan } from './plan.ts';
import { runPlan } from './run.ts';
import { START } from './world.ts';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(3).padStart(10)} s`;

/** An item in a line. */
function describeItem({ kind, at, ...rest }: Item): string {
  const facts = Object.entries(rest).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [`${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`];
  });
  return `${seconds(at)}  ${kind}: ${facts.join(', ')}`;
}

const numbered = (text: string): string => text.replace(/\w+-token-(\d+)-\w+/, 'token $1');
const who = ({ id, sandbox, label, rejected }: Asked): string =>
  `${id} in ${sandbox} for ${numbered(label)}${rejected === undefined ? '' : `, instead of ${token(rejected.token)}`}`;
const token = ({ text, sandbox, expiresAt }: Issued): string =>
  `token ${text.split('-')[2]} of ${sandbox}, until${seconds(expiresAt - START)}`;

/** What happened, in words; `undefined` for what tells nothing. No secret is among it: tokens go by their number. */
function describe(happening: Happening): string | undefined {
  switch (happening.kind) {
    case 'asked':
      return `asked    ${who(happening.asked)}, ${happening.asked.remainingMs} ms left`;
    case 'answered': {
      const { token: given } = happening;
      const what = given === undefined || given === 'unknown' ? (given ?? 'no token') : token(given);
      return `answered ${who(happening.asked)}: ${happening.status}, ${what}`;
    }
    case 'overdue':
      return `overdue  ${who(happening.asked)}`;
    case 'sent':
      return `sent     by ${happening.sandbox} for ${numbered(happening.label)}`;
    case 'issued':
      return `issued   ${token(happening.token)} for ${numbered(happening.token.label)}`;
    case 'disturbed':
      return `disturbed ${numbered(happening.label ?? 'everything')}: ${happening.why}`;
    case 'written': {
      const { generation, owner, leaseUntil, notices } = happening.after;
      return `written  ${happening.label}: ${JSON.stringify({ generation, owner, leaseUntil, notices })}`;
    }
    case 'died':
      return `died     token ${happening.text.split('-')[2]}, as ${happening.sandbox} knows`;
    case 'introspected': {
      const { token: seen, sandbox, isActive } = happening;
      return `said     ${isActive ? 'active' : 'inactive'} by ${sandbox} of ${seen === undefined ? 'no token' : token(seen)}`;
    }
    case 'flushed':
      return `flushed  ${happening.profile} before ${seconds(happening.before - START)}`;
    case 'locked':
      return `locked   ${happening.account}: ${happening.isOn}`;
    case 'offered':
      return undefined;
    case 'outage':
      return `outage   ${happening.isOn ? 'begins' : 'ends'}`;
    case 'prewarming':
      return 'prewarm';
    case 'thrown':
      return `thrown   ${happening.what}`;
    case 'unread':
    case 'text':
      return undefined;
  }
}

/** A history in lines: what was made to happen, then what came of it, up to the violation. */
export async function tell(plan: Plan): Promise<string> {
  const lines: string[] = [];
  let isOver = false;
  const { violation } = await runPlan(plan, {
    onHappening(happening) {
      const text = isOver ? undefined : describe(happening);
      if (text !== undefined) lines.push(`${seconds(happening.at - START)}  ${text}`);
    },
    onViolation: () => {
      isOver = true;
    },
  });
  const { seed, sandboxes, lifeMs, items } = plan;
  return [
    `seed ${seed}: ${sandboxes} sandboxes, tokens of ${lifeMs / 1000} s`,
    'made to happen:',
    ...items.map(describeItem),
    'what came of it:',
    ...lines,
    violation === undefined ? 'no violation' : `VIOLATION of "${violation.invariant}": ${violation.what}`,
  ].join('\n');
}
