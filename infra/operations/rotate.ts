import { parseArgs } from 'node:util';
import { UsageError } from '../local/settings.ts';
import { findDeployment, run, TARGET_HELP, TARGET_OPTIONS } from './deployment.ts';
import { clearPending } from './rotation/clear-pending.ts';
import { createContext, type Replacements } from './rotation/context.ts';
import { rotateNow } from './rotation/now.ts';
import { retireOriginal, retirePrevious } from './rotation/retire.ts';
import { selectSecret, selectSecrets } from './rotation/selection.ts';
import { showStatus } from './rotation/status.ts';
import { toKey } from './rotation/to-key.ts';

const HELP = `Shows and changes how the keys rotate that the broker uses at ZITADEL: docs/rotation.md. It prints no key.

  npm run rotate -- (--stage S | --local) --profile P [--now]
  npm run rotate -- (--stage S | --local) [--profile P] --status
  npm run rotate -- (--stage S | --local) --profile P (--retire-previous | --retire-original [--key ID])
  npm run rotate -- (--stage S | --local) --profile P --clear-pending
  npm run rotate -- (--stage S | --local) --to-key P

  --profile P        the keys in the secrets of this profile that rotate (--status alone: all that rotate)
  --secret NAME      of these secrets only this one, as the profile names it
  --now              rotates now, and waits for the end (the default with --profile)
  --status           shows the schedule, the versions, their keys and what to do (the default without)
  --retire-previous  removes the key before the current one at ZITADEL at once, not with the next rotation
  --retire-original  removes the key that was made by hand, and that rotation has replaced
  --key ID           of several such keys this one
  --clear-pending    gives up a rotation that has failed, so that the next one can start
  --to-key P         replaces the client secret of this profile's service account with a key
${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  profile: { type: 'string' },
  secret: { type: 'string' },
  status: { type: 'boolean', default: false },
  now: { type: 'boolean', default: false },
  'retire-previous': { type: 'boolean', default: false },
  'retire-original': { type: 'boolean', default: false },
  key: { type: 'string' },
  'clear-pending': { type: 'boolean', default: false },
  'to-key': { type: 'string' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

const ACTIONS = ['status', 'now', 'retire-previous', 'retire-original', 'clear-pending', 'to-key'] as const;

/**
 * The one action that the command line names.
 * @throws {UsageError} if it names several, or an option of another action
 */
function chooseAction(values: Values): (typeof ACTIONS)[number] {
  const byDefault = values.profile === undefined ? 'status' : 'now';
  const [action = byDefault, second] = ACTIONS.filter((name) => values[name] !== undefined && values[name] !== false);
  if (second !== undefined) throw new UsageError(`--${action} and --${second} cannot be combined`);
  if (values.key !== undefined && action !== 'retire-original') throw new UsageError('--key needs --retire-original');
  if (action === 'to-key' && (values.profile ?? values.secret) !== undefined) {
    throw new UsageError('--to-key P names the profile itself, without --profile and --secret');
  }
  return action;
}

/**
 * The command `rotate`.
 * @returns what to print
 */
export async function rotate(args: readonly string[], replacements: Replacements = {}): Promise<string> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return HELP;
  const action = chooseAction(values);
  const deployment = findDeployment(values);
  const { profiles } = deployment;
  const context = createContext(deployment, values, replacements);
  const selected = () => selectSecret(profiles, values.profile, values.secret);
  switch (action) {
    case 'status':
      return showStatus(context, selectSecrets(profiles, values.profile, values.secret));
    case 'now':
      return rotateNow(context, selected());
    case 'retire-previous':
      return retirePrevious(context, selected());
    case 'retire-original':
      return retireOriginal(context, selected(), values.key);
    case 'clear-pending':
      return clearPending(context, selected());
    case 'to-key':
      return toKey(context, values['to-key'] ?? '');
  }
}

if (import.meta.main) await run(rotate);
