import { parseArgs } from 'node:util';
import {
  type CallerPattern,
  matchesRole,
  type Principal,
  parseCallerPattern,
  type RolePattern,
} from '../../lib/broker/profiles/caller.ts';
import { callersFor, USES } from '../../lib/broker/profiles/policy.ts';
import type { Profile } from '../../lib/broker/profiles/profile.ts';
import { postNotices, withdrawNotices } from '../../lib/broker/store/bulletin.ts';
import { ALL, type Notice } from '../../lib/broker/store/notices.ts';
import { UsageError } from '../local/settings.ts';
import { checkProfile, run, TARGET_HELP, TARGET_OPTIONS } from './deployment.ts';
import { knownBy, openTarget, type Target } from './target.ts';

const HELP = `Blocks a caller, or all callers, from a profile without a deployment: all its endpoints answer 403, and
the log says so. The block lasts until you undo it. Tokens that were handed out before stay valid: see npm run flush.

  npm run block -- (--stage S | --local) (--profile P | --all) [--caller CALLER] [--undo]
  npm run block -- (--stage S | --local) [--profile P] --list

  --profile P      the profile
  --all            every profile; needs --caller
  --caller CALLER  only this role, as a profile lists it: arn:aws:iam::123456789012:role/name; or this caller without IAM,
                   as the log names it: issuer:subject; either may end in * (default: every caller)
  --undo           undoes the same command without --undo
  --list           lists the blocks
${TARGET_HELP}`;

type Block = Extract<Notice, { kind: 'block' }>;

const everybody = (caller: string): string => (caller === ALL ? 'everybody' : caller);
const everywhere = (profile: string): string => (profile === ALL ? 'all profiles' : profile);

const asPrincipal = (pattern: RolePattern): Principal => ({ kind: 'iam_role', ...pattern });

/** Whether profiles list such a role, or a workload of such an issuer: its subject is a claim among others. */
function isListed(profiles: readonly Profile[], blocked: CallerPattern): boolean {
  if (!('role' in blocked))
    return profiles.some(({ federated = [] }) => federated.some(({ issuer }) => issuer.name === blocked.issuer));
  const listed = profiles.flatMap((profile) => USES.flatMap((use) => callersFor(profile, use)));
  // Either may be a prefix that matches the other.
  return listed.some(
    (pattern) => matchesRole(pattern, asPrincipal(blocked)) || matchesRole(blocked, asPrincipal(pattern)),
  );
}

/** A note if a block matches none of the profile's callers: it may be a typing error. */
function doubt({ profiles }: Target, { profile, caller }: Block): string {
  const parsed = parseCallerPattern(caller);
  if (!parsed.ok) return '';
  const known = [...profiles.values()].filter(({ name }) => profile === ALL || name === profile);
  if (isListed(known, parsed.value)) return '';
  const who = 'role' in parsed.value ? 'this role' : `a caller of the issuer ${parsed.value.issuer}`;
  return `Note: ${everywhere(profile)} does not list ${who}.\n`;
}

function list(target: Target, blocks: readonly Block[]): string {
  if (blocks.length === 0) return `${target.name}: no one is blocked.\n`;
  const lines = blocks.map(({ profile, caller }) => `  ${everywhere(profile)}: ${everybody(caller)}\n`);
  return `${target.name}: blocked are\n${lines.sort().join('')}`;
}

/**
 * The command `block`.
 * @returns what to print
 */
export async function block(args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...TARGET_OPTIONS,
      profile: { type: 'string' },
      all: { type: 'boolean', default: false },
      caller: { type: 'string' },
      undo: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const { profile: name, all, caller = ALL, undo, list: wantsList, help } = values;
  if (help) return HELP;
  if (undo && wantsList) throw new UsageError('--undo and --list cannot be combined');
  if (!wantsList && all === (name !== undefined)) throw new UsageError('say which profile: --profile P or --all');
  if (all && caller === ALL) throw new UsageError('--all needs --caller: otherwise no one could use the broker');
  const pattern = caller === ALL ? undefined : parseCallerPattern(caller);
  if (pattern !== undefined && !pattern.ok) {
    throw new UsageError(`--caller ${pattern.error}, or a caller without IAM as the log names it: issuer:subject`);
  }
  const target = openTarget(values);
  const { notices, now } = await target.read();
  const blocks = notices.filter(({ kind }) => kind === 'block') as readonly Block[];
  if (wantsList) return list(target, name === undefined ? blocks : blocks.filter(({ profile }) => profile === name));
  const wanted: Block = { kind: 'block', profile: name ?? ALL, caller };
  const isBlocked = blocks.some(({ profile, caller }) => profile === wanted.profile && caller === wanted.caller);
  // The block of a profile that no longer exists can still be undone.
  if (name !== undefined && !(undo && isBlocked)) checkProfile(target, name);
  const who = `${target.name}: ${everybody(caller)}`;
  const where = everywhere(wanted.profile);
  if (undo && !isBlocked) return `${who} was not blocked from ${where}; nothing was changed.\n`;
  const done = undo ? await withdrawNotices(target.table, [wanted]) : await postNotices(target.table, [wanted], now);
  if (!done.ok) throw target.explain(done.error);
  const what = undo ? 'is no longer blocked from' : isBlocked ? 'was already blocked from' : 'is blocked from';
  return `${who} ${what} ${where}.\n${knownBy(now)}\n${undo ? '' : doubt(target, wanted)}`;
}

if (import.meta.main) await run(block);
