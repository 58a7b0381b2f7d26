import { parseArgs } from 'node:util';
import { postNotices } from '../../lib/broker/store/bulletin.ts';
import { ALL } from '../../lib/broker/store/notices.ts';
import { UsageError } from '../local/settings.ts';
import { checkProfile, run, TARGET_HELP, TARGET_OPTIONS } from './deployment.ts';
import { knownBy, openTarget } from './target.ts';

const HELP = `Voids every token that was obtained before now: the broker no longer hands it out, and the next request
obtains a new one. ZITADEL itself still accepts the old tokens until they expire.

  npm run flush -- (--stage S | --local) (--profile P | --all)

  --profile P   the tokens of this profile, and of those that exchange its tokens; may be repeated
  --all         the tokens of all profiles
${TARGET_HELP}`;

/**
 * The command `flush`.
 * @returns what to print
 */
export async function flush(args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...TARGET_OPTIONS, profile: { type: 'string', multiple: true, default: [] }, all: { type: 'boolean' } },
  });
  const { profile: names, all = false, help } = values;
  if (help) return HELP;
  if (all === names.length > 0) throw new UsageError('say which tokens: --profile P or --all');
  const target = openTarget(values);
  for (const name of names) checkProfile(target, name);
  const { now } = await target.read();
  const notices = (all ? [ALL] : names).map((profile) => ({ kind: 'before', profile, at: now }) as const);
  const posted = await postNotices(target.table, notices, now);
  if (!posted.ok) throw target.explain(posted.error);
  const whose = all ? 'all profiles' : names.join(', ');
  return (
    `${target.name}: every token of ${whose} that was obtained before ${new Date(now).toISOString()} is void.\n` +
    `${knownBy(now)} The next request for each obtains a new one.\n`
  );
}

if (import.meta.main) await run(flush);
