import type { RotatedSecret } from '../../../lib/broker/profiles/rotation.ts';
import { sleep } from '../../../lib/core/clock.ts';
import { type EpochMs, MINUTE_MS, plus, SECOND_MS } from '../../../lib/core/time.ts';
import { OperationError } from '../deployment.ts';
import type { Context } from './context.ts';
import { dateOf, describeClientSecret } from './status.ts';
import { keyIdOf, originOf, readCurrent, readView, unfinishedOf, type View, versionOf } from './view.ts';

/** A rotation ends within a minute; Secrets Manager tries a failed one again for longer than anyone watches. */
const WATCHED_MS = 5 * MINUTE_MS;
const LOOK_EVERY_MS = 2 * SECOND_MS;

/** Between two lines of progress. A label that is gone for so long has been removed: answers may be a little old. */
const PATIENCE_MS = 10 * SECOND_MS;

/** Where the rotation function says why a step failed: its log group is named like the table. */
const logOf = ({ deployment: { local, tableName } }: Context): string =>
  local === undefined ? `the log group /aws/lambda/${tableName}-rotate` : 'the log of npm start';

/** Waits until a version is current. */
async function waitFor(context: Context, secret: string, id: string): Promise<void> {
  const { clock, secrets, note, again } = context;
  const startedAt = clock.now();
  let notedAt = startedAt;
  let pendingAt: EpochMs | undefined;
  const failure = (why: string) =>
    new OperationError(
      `${secret}: ${why}. AWSCURRENT has not moved: its key is still good, and callers notice nothing. ` +
        `The field error in ${logOf(context)} says what went wrong; ${again(secret, '--status')} says how it stands.`,
    );
  for (;;) {
    const state = await secrets.describe(secret);
    const isPending = unfinishedOf(state) === id;
    if (state.holderOf('AWSCURRENT') === id) return;
    const now = clock.now();
    if (isPending) pendingAt = now;
    if (pendingAt !== undefined && now >= plus(pendingAt, PATIENCE_MS)) throw failure('the rotation was given up');
    if (now >= plus(startedAt, WATCHED_MS)) {
      throw failure(
        state.schedule?.isEnabled === false
          ? 'the rotation was cancelled'
          : 'the rotation has not ended in 5 minutes, and Secrets Manager tries it again',
      );
    }
    if (now >= plus(notedAt, PATIENCE_MS)) {
      note(`${secret}: the rotation has not ended after ${Math.round((now - startedAt) / SECOND_MS)} s`);
      notedAt = now;
    }
    await sleep(clock, LOOK_EVERY_MS);
  }
}

/** The id of the version that a rotation makes current: a new one, or that of a rotation that has not ended. */
async function start({ secrets, note }: Context, secret: string): Promise<string> {
  const started = await secrets.rotate(secret);
  if (started !== undefined) {
    note(`${secret}: a rotation has started`);
    return started;
  }
  const unfinished = unfinishedOf(await secrets.describe(secret));
  if (unfinished === undefined) throw new OperationError(`${secret}: another rotation has just ended: see --status`);
  note(`${secret}: an earlier rotation has not ended; Secrets Manager tries it again`);
  return unfinished;
}

/** How long the key that was replaced stays at ZITADEL. */
function describeOld({ again }: Context, { rotated: { secret }, state, holder }: View, keyId: string): string {
  const found = holder.ok ? holder.value.listed.find((key) => key.keyId === keyId) : undefined;
  const now = `${again(secret, '--retire-previous')} removes it now`;
  if (found !== undefined && originOf(found, state.arn) !== 'rotation') {
    const later = `${again(secret, '--retire-original')} removes it after the next one`;
    return `Key ${keyId} was made by hand, so no rotation removes it:\n  ${now},\n  ${later}.`;
  }
  const { nextAt } = state.schedule ?? {};
  const end = nextAt === undefined ? '' : `, which begins by ${dateOf(nextAt)}`;
  return `Key ${keyId} stays at ZITADEL until the end of the next rotation${end}:\n  ${now}.`;
}

/** The action `--now`: rotates, and waits for the end. */
export async function rotateNow(context: Context, rotated: RotatedSecret): Promise<string> {
  const { secrets, deployment } = context;
  const { secret } = rotated;
  const state = await secrets.describe(secret);
  const { schedule } = state;
  if (schedule === undefined) {
    throw new OperationError(`no rotation of ${secret} is configured yet: npm run deploy does that`);
  }
  const old = await readCurrent(context, secret, state);
  const oldKey = keyIdOf(old);
  if (oldKey === undefined) {
    throw new OperationError(
      `${secret}: ${old.problem === undefined ? describeClientSecret(context, secret) : `AWSCURRENT has ${old.problem}`}`,
    );
  }
  await waitFor(context, secret, await start(context, secret));
  const view = await readView(context, rotated);
  return [
    `${deployment.name}, ${secret}: key ${keyIdOf(versionOf(view, 'AWSCURRENT'))} has replaced key ${oldKey}.`,
    ...(schedule.isEnabled ? [] : ['Rotation was switched off; it is on again.']),
    'Sandboxes use the new key within 5 minutes; callers notice nothing.',
    `${describeOld(context, view, oldKey)}\n`,
  ].join('\n');
}
