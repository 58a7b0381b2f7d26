import { onlyExchanges } from '../../../lib/broker/profiles/profile.ts';
import type { RotatedSecret } from '../../../lib/broker/profiles/rotation.ts';
import { isSameSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import { DAY_MS, type EpochMs } from '../../../lib/core/time.ts';
import type { RegisteredKey } from '../../../lib/zitadel/keys.ts';
import { table } from '../../build/table.ts';
import type { Context } from './context.ts';
import type { Schedule } from './secrets.ts';
import { usersOf } from './selection.ts';
import { keyIdOf, originOf, readView, unfinishedOf, type Version, type View, versionOf } from './view.ts';

/** An instant, to the second. */
export const dateOf = (at: EpochMs): string => new Date(at).toISOString().replace(/\.\d+/, '');

function describeSchedule({ again, awsCli }: Context, secret: string, schedule: Schedule | undefined): string {
  if (schedule === undefined) return 'no rotation is configured yet: npm run deploy does that';
  const { isEnabled, period, lastAt, nextAt } = schedule;
  if (!isEnabled) {
    return (
      'rotation is switched off, which a deployment does not change\n' +
      `  ${again(secret, '--now')} rotates and switches it on\n` +
      `  ${awsCli('rotate-secret', secret, '--no-rotate-immediately')} only switches it on`
    );
  }
  const last = lastAt === undefined ? 'never rotated' : `last rotated ${dateOf(lastAt)}`;
  return `rotates ${period}, ${last}${nextAt === undefined ? '' : `, next by ${dateOf(nextAt)}`}`;
}

/** The columns that ZITADEL's list knows: when a key was created and expires, its age, and who made it. */
function describeKey(key: RegisteredKey | undefined, arn: string, now: EpochMs): readonly string[] {
  if (key === undefined) return ['-', '-', '-', 'ZITADEL does not list it: removed, or expired'];
  // The clock of this machine may be behind that of ZITADEL.
  const days = Math.max(0, Math.floor((now - key.createdAt) / DAY_MS));
  const made = { rotation: '', another: 'made by the rotation of another secret', hand: 'made by hand' };
  return [dateOf(key.createdAt), key.expirationDate, `${days} days`, made[originOf(key, arn)]];
}

function describeVersions({ versions, holder, state }: View, now: EpochMs): string {
  const rows = versions
    .filter(({ labels }) => labels.length > 0)
    .map((version) => {
      const keyId = keyIdOf(version);
      const fixed = [version.id, [...version.labels].sort().join(', '), keyId ?? version.problem ?? 'a client secret'];
      if (keyId === undefined || !holder.ok) return fixed;
      const key = holder.value.listed.find((one) => one.keyId === keyId);
      return [...fixed, ...describeKey(key, state.arn, now)];
    });
  return table([['VERSION', 'LABELS', 'KEY', 'CREATED', 'EXPIRES', 'AGE', ''], ...rows]);
}

/** What a key is that no labelled version names. */
function judgeOther(key: RegisteredKey, { state, versions }: View): string {
  const origin = originOf(key, state.arn);
  if (origin === 'rotation') return 'left by a rotation that did not finish; the next one removes it';
  if (origin === 'another') return 'made by the rotation of another secret';
  const isNamed = versions.some((version) => keyIdOf(version) === key.keyId);
  return isNamed ? 'the original key, made by hand: --retire-original removes it' : 'not of this rotation';
}

/** What to do about a client secret, which cannot rotate. */
export function describeClientSecret({ deployment, place }: Context, secret: string): string {
  const user = [...deployment.profiles.values()].find(
    (profile) => isSameSecret(profile.secret, secret) && !onlyExchanges(profile),
  );
  if (user === undefined) return 'AWSCURRENT is a client secret, which cannot rotate: store a key of the application';
  return `AWSCURRENT is a client secret; npm run rotate -- ${place} --to-key ${user.name} replaces it with a key`;
}

function describeOthers(context: Context, view: View): readonly string[] {
  const { versions, holder } = view;
  if (versionOf(view, 'AWSCURRENT')?.credential?.kind === 'client_secret') {
    return [describeClientSecret(context, view.rotated.secret)];
  }
  if (!holder.ok) return [`The keys at ZITADEL are unknown: ${holder.error.detail}`];
  const isLabelled = ({ labels }: Version) => labels.length > 0;
  const named = new Set(versions.filter(isLabelled).map(keyIdOf));
  const others = holder.value.listed.filter(({ keyId }) => !named.has(keyId));
  if (others.length === 0) return [];
  const rows = others.map((key) => [
    `  ${key.keyId}`,
    `created ${dateOf(key.createdAt)}`,
    `expires ${key.expirationDate}`,
    judgeOther(key, view),
  ]);
  return [`Other keys of the same holder at ZITADEL:\n${table(rows)}`];
}

async function describeSecret(context: Context, rotated: RotatedSecret): Promise<string> {
  const { secret } = rotated;
  const { clock, deployment, again } = context;
  const view = await readView(context, rotated);
  const users = usersOf(deployment.profiles, secret).join(', ');
  const unfinished = unfinishedOf(view.state);
  const stuck =
    `AWSPENDING is on version ${unfinished}: a rotation is under way, or has failed. After a failure none can start:\n` +
    `  ${again(secret, '--now')} tries it again\n  ${again(secret, '--clear-pending')} gives it up`;
  const lines = [
    `${secret} (${users}): ${describeSchedule(context, secret, view.state.schedule)}`,
    describeVersions(view, clock.now()),
    ...(unfinished === undefined ? [] : [stuck]),
    ...describeOthers(context, view),
  ];
  return `${lines.join('\n')}\n`;
}

/** The action `--status`: what there is of each secret, and what to do about it; never a value. */
export async function showStatus(context: Context, secrets: readonly RotatedSecret[]): Promise<string> {
  const { name } = context.deployment;
  if (secrets.length === 0) return `${name}: no key rotates; docs/rotation.md says how to set it up.\n`;
  const parts: string[] = [];
  // One after the other: ZITADEL is asked in an order that a reader of its log can follow.
  for (const secret of secrets) parts.push(await describeSecret(context, secret));
  return `${name}\n\n${parts.join('\n')}`;
}
