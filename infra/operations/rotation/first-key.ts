import { randomUUID } from 'node:crypto';
import { requestKeyToken } from '../../../lib/broker/rotation/key-token.ts';
import { expiryOf, formatExpiry, markOf } from '../../../lib/broker/rotation/mark.ts';
import type { Redacted } from '../../../lib/core/redacted.ts';
import { parseJsonObject } from '../../../lib/oauth/token-response.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import { buildUserinfoRequest } from '../../../lib/zitadel/introspection.ts';
import { createKeyPair, serviceAccountJson } from '../../../lib/zitadel/key-pair.ts';
import { buildAddRequest, buildRemoveRequest, judgeAdd, judgeRemove } from '../../../lib/zitadel/keys.ts';
import { ZITADEL_API_SCOPE } from '../../../lib/zitadel/scope.ts';
import { OperationError } from '../deployment.ts';
import { type Context, must } from './context.ts';
import { unfinishedOf } from './view.ts';

/** The service account of a client secret, and a token of it for ZITADEL's own API. */
export interface Account {
  readonly issuer: string;
  readonly userId: string;
  readonly token: Redacted<string>;
}

/** Finds the account of a client secret, which names only its login name. */
export async function findAccount(context: Context, issuer: string, credential: Credential): Promise<Account> {
  const token = must(
    await requestKeyToken(context, { issuer, credential, scopes: ['openid', ZITADEL_API_SCOPE] }),
    "no token for ZITADEL's API with the client secret; is it of a service account?",
  );
  const answer = await context.send(buildUserinfoRequest(issuer, token));
  const body = answer.ok && answer.value.status === 200 ? parseJsonObject(answer.value.body) : undefined;
  const userId = body?.sub;
  if (typeof userId === 'string') return { issuer, userId, token };
  const why = answer.ok ? `status ${answer.value.status}` : answer.error.detail;
  throw new OperationError(`ZITADEL does not say whose client secret it is (userinfo: ${why}); try again`);
}

/** The expiry of a key that nothing replaces: never, as ZITADEL writes it. */
const NEVER = '9999-12-31T23:59:59Z';

/** Where a key is stored, and how often it will rotate, if it will. */
export interface Place {
  readonly secret: string;
  readonly arn: string;
  readonly everyMs: number | undefined;
}

/** Adds a key of the account, and stores it as a new version with AWSPENDING. @returns the id of the version */
export async function addFirstKey(
  { clock, send, secrets }: Context,
  { issuer, userId, token }: Account,
  { secret, arn, everyMs }: Place,
): Promise<string> {
  const id = randomUUID();
  const now = clock.now();
  const expirationDate = everyMs === undefined ? NEVER : formatExpiry(expiryOf(markOf(arn, id), { now, everyMs }));
  const { publicKey, privateKey } = await createKeyPair();
  const call = { issuer, token, holder: { kind: 'user', userId } } as const;
  const request = buildAddRequest(call, expirationDate, publicKey);
  const { keyId } = must(
    judgeAdd(request, await send(request)),
    `the account ${userId} gets no key (if ZITADEL lists one that is a moment old, remove it there)`,
  );
  try {
    await secrets.write(secret, id, serviceAccountJson({ userId, keyId, privateKey, expirationDate }));
    return id;
  } catch (error) {
    const why = (error as Error).message;
    // The reply may be lost, and the key be stored.
    const pending = await secrets.describe(secret).then(unfinishedOf, () => id);
    if (pending === id) throw new OperationError(`${why}; key ${keyId} may be stored: a second run goes on with it`);
    const removal = buildRemoveRequest(call, keyId);
    const removed = judgeRemove(removal, await send(removal));
    const end = removed.ok ? 'was removed again: nothing has changed' : 'could not be removed: remove it at ZITADEL';
    throw new OperationError(`${why}; the new key ${keyId} of the account ${userId} ${end}`);
  }
}
