import type { RotatedSecret } from '../../../lib/broker/profiles/rotation.ts';
import type { Context } from './context.ts';
import { unfinishedOf } from './view.ts';

/** The action `--clear-pending`: gives up a rotation that has not ended, so that the next one can start. */
export async function clearPending(context: Context, { secret }: RotatedSecret): Promise<string> {
  const { secrets, deployment, again } = context;
  const unfinished = unfinishedOf(await secrets.describe(secret));
  if (unfinished === undefined) return `${deployment.name}, ${secret}: nothing is pending.\n`;
  await secrets.move(secret, 'AWSPENDING', { from: unfinished });
  return (
    `${deployment.name}, ${secret}: AWSPENDING was removed from version ${unfinished}; AWSCURRENT stays as it is.\n` +
    `The next rotation starts anew, with another key: ${again(secret, '--now')}\n` +
    'A key that this one has added at ZITADEL is removed when the next rotation ends.\n'
  );
}
