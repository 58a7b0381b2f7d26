import type { RotatedSecret } from '../../../lib/broker/profiles/rotation.ts';
import { isSameSecret } from '../../../lib/broker/profiles/secret-reference.ts';
import type { RegisteredKey } from '../../../lib/zitadel/keys.ts';
import { OperationError } from '../deployment.ts';
import { type Context, must } from './context.ts';
import { asKey, type Holder, keyIdOf, originOf, readView, type View, versionOf } from './view.ts';

/** A secret and its keys at ZITADEL, which a key can be removed of. */
interface Opened extends View {
  readonly keys: Holder['keys'];
  readonly listed: readonly RegisteredKey[];
}

async function open(context: Context, rotated: RotatedSecret): Promise<Opened> {
  const view = await readView(context, rotated);
  return { ...view, ...must(view.holder, `${rotated.secret}, AWSCURRENT's key`) };
}

/** How the tokens end that were issued with a key, which its removal does not do. */
function describeTokens({ place, deployment }: Context, { rotated: { secret }, versions }: View): string {
  const reread = 'Sandboxes that still use it read the secret again as soon as ZITADEL refuses the key.\n';
  const users = [...deployment.profiles.values()].filter((profile) => isSameSecret(profile.secret, secret));
  if (users.length === 0) return reread;
  const current = asKey(versionOf({ versions }, 'AWSCURRENT')?.credential);
  const account =
    current?.kind === 'service_account_key' ? `the account ${current.userId}` : 'the accounts that they stand for';
  const flush = `npm run flush -- ${place} ${users.map(({ name }) => `--profile ${name}`).join(' ')}`;
  return (
    `${reread}Tokens that were issued with it live on until they expire. If it leaked, lock and unlock\n` +
    `${account} at ZITADEL, which ends them, then: ${flush}\n`
  );
}

/**
 * Removes a key at ZITADEL. For safety: only after AWSCURRENT's key is shown to be another one, listed by ZITADEL and good
 * for everything that the profiles need, and only if no label has moved since the key was chosen.
 */
async function removeKey(context: Context, view: Opened, keyId: string): Promise<void> {
  const { secrets, runStep } = context;
  const { rotated, state, keys } = view;
  const { secret } = rotated;
  for (const stage of ['AWSCURRENT', 'AWSPENDING'] as const) {
    if (keyIdOf(versionOf(view, stage)) !== keyId) continue;
    throw new OperationError(`${secret}: key ${keyId} stays, because ${stage} names it`);
  }
  const token = state.holderOf('AWSCURRENT') ?? '';
  must(
    await runStep('testSecret', { secret, token, rotated }),
    `${secret}: key ${keyId} stays, because AWSCURRENT's key does not work`,
  );
  const { holderOf } = await secrets.describe(secret);
  const hasMoved = (['AWSCURRENT', 'AWSPENDING'] as const).some((stage) => holderOf(stage) !== state.holderOf(stage));
  if (hasMoved) throw new OperationError(`${secret}: a label has moved meanwhile; nothing was removed, run this again`);
  must(await keys.remove(keyId), secret);
}

/** The action `--retire-previous`: the key before the current one goes at once, not at the next rotation. */
export async function retirePrevious(context: Context, rotated: RotatedSecret): Promise<string> {
  const { deployment } = context;
  const { secret } = rotated;
  const view = await open(context, rotated);
  const previous = versionOf(view, 'AWSPREVIOUS');
  if (previous === undefined) return `${deployment.name}, ${secret}: there is no version AWSPREVIOUS.\n`;
  const [key, current] = [previous, versionOf(view, 'AWSCURRENT')].map((version) => asKey(version?.credential));
  if (key === undefined) {
    const advice = previous.problem ?? 'a client secret; remove it at ZITADEL (DELETE /v2/users/{id}/secret)';
    throw new OperationError(`AWSPREVIOUS of ${secret} is not a key: ${advice}`);
  }
  const ownerOf = (one = key) => (one.kind === 'service_account_key' ? one.userId : one.clientId);
  if (ownerOf() !== ownerOf(current)) {
    throw new OperationError(`AWSPREVIOUS of ${secret} is a key of ${ownerOf()}, another holder: remove it by hand`);
  }
  const { kid } = key.key;
  if (!view.listed.some(({ keyId }) => keyId === kid)) {
    return `${deployment.name}, ${secret}: ZITADEL does not list AWSPREVIOUS's key ${kid}; nothing is left to remove.\n`;
  }
  await removeKey(context, view, kid);
  return `${deployment.name}, ${secret}: AWSPREVIOUS's key ${kid} was removed at ZITADEL.\n${describeTokens(context, view)}`;
}

/** The original keys: no rotation made them, and a version of the secret names them. */
const originalsOf = ({ listed, state, versions }: Opened): readonly string[] =>
  listed
    .filter((key) => originOf(key, state.arn) === 'hand' && versions.some((version) => keyIdOf(version) === key.keyId))
    .map(({ keyId }) => keyId);

/** The key that `--key` names; `undefined` if there is none. */
function findNamed({ listed, state, rotated: { secret } }: Opened, keyId: string): string | undefined {
  const found = listed.find((key) => key.keyId === keyId);
  if (found === undefined) return undefined;
  if (originOf(found, state.arn) === 'hand') return keyId;
  const whose = originOf(found, state.arn) === 'rotation' ? secret : 'another secret';
  throw new OperationError(
    `key ${keyId} stays: its expiry ${found.expirationDate} is the mark of the rotation of ${whose}`,
  );
}

/** The one original key that nothing uses; `undefined` if there is no original key. */
function findOriginal({ again }: Context, view: Opened): string | undefined {
  const { secret } = view.rotated;
  const originals = originalsOf(view);
  const namedBy = (...stages: Parameters<typeof versionOf>[1][]) =>
    stages.map((stage) => keyIdOf(versionOf(view, stage)));
  const free = originals.filter((keyId) => !namedBy('AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS').includes(keyId));
  const [only, ...more] = free;
  if (only !== undefined && more.length === 0) return only;
  if (only !== undefined) {
    throw new OperationError(`${secret} has several original keys, ${free.join(', ')}: name one with --key ID`);
  }
  const [used] = originals;
  if (used === undefined) return undefined;
  throw new OperationError(
    namedBy('AWSPREVIOUS').includes(used)
      ? `key ${used} is AWSPREVIOUS's: rotate once more (${again(secret, '--now')}), or ${again(secret, '--retire-previous')}`
      : `key ${used} is still in use: rotate first (${again(secret, '--now')})`,
  );
}

/** The action `--retire-original`: a key goes that rotation did not make, and so never removes. */
export async function retireOriginal(
  context: Context,
  rotated: RotatedSecret,
  named: string | undefined,
): Promise<string> {
  const { deployment, again } = context;
  const { secret } = rotated;
  const view = await open(context, rotated);
  const keyId = named === undefined ? findOriginal(context, view) : findNamed(view, named);
  if (keyId === undefined) {
    const why =
      named === undefined
        ? 'of the keys that ZITADEL lists, no original one is named by a version of the secret'
        : `ZITADEL lists no key ${named}`;
    return `${deployment.name}, ${secret}: ${why}; nothing was removed. ${again(secret, '--status')} shows the keys.\n`;
  }
  if (keyIdOf(versionOf(view, 'AWSPREVIOUS')) === keyId) {
    throw new OperationError(`key ${keyId} is AWSPREVIOUS's: ${again(secret, '--retire-previous')} removes it`);
  }
  await removeKey(context, view, keyId);
  return `${deployment.name}, ${secret}: the original key ${keyId} was removed at ZITADEL.\n${describeTokens(context, view)}`;
}
