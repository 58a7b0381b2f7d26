import { createPublicKey } from 'node:crypto';
import { type Key, parseAccounts } from '../../../infra/local/zitadel/accounts.ts';
import { addKey, findHolder } from '../../../infra/local/zitadel/changes.ts';
import { activeSession, createInstance } from '../../../infra/local/zitadel/instance.ts';
import { route } from '../../../infra/local/zitadel/router.ts';
import { ZITADEL_PROJECT } from '../../../infra/local/zitadel/scopes.ts';
import { parseTimestamp } from '../../../infra/local/zitadel/timestamps.ts';
import { readMark } from '../../../lib/broker/rotation/mark.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { OAuthAnswer, OAuthRequest } from '../../../lib/oauth/transport.ts';
import { createPair, PROJECT } from '../simulation/setting.ts';
import type { RotationStage } from './judge.ts';
import type { Plan } from './plan.ts';
import { ACCOUNT, APPLICATION, holderOf, keyIdIn, keyJson, type SecretName } from './setting.ts';

/** `expires_in` is a second less. */
const ANSWERED_MS = SECOND_MS;

/** Keys that are made by hand expire at a whole second: they have no mark. */
const BY_HAND = '2099-01-01T00:00:00Z';

const answer = (status: number, members: object): OAuthAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(members),
});

/** Whether a rotation made a key, by its mark. */
export const isMarked = ({ expiresMs }: Key): boolean => readMark(Math.round(expiresMs * 1000)) !== undefined;

/** The stand-in for ZITADEL with one account that owns a project, one application of it, and their keys. */
export function createZitadel({ scheduler, random, emit }: RotationStage, { lagMs, lifeMs }: Plan) {
  const own = random.fork('zitadel');
  const { now } = scheduler;
  const accounts = parseAccounts({
    org: '300',
    project: PROJECT,
    saRotated: { userId: ACCOUNT, username: 'rotated' },
    // An application has keys from the start; this one is the operator's.
    oidcRotated: { ...APPLICATION, keyId: 'first', key: createPair().privateKey },
  });
  const instance = createInstance(accounts, '4.11', now(), (lifeMs + ANSWERED_MS) / SECOND_MS);
  instance.owners = new Set([ACCOUNT]);

  function makePair(): ReturnType<typeof createPair> {
    const pair = createPair();
    emit('made', { pem: pair.privateKey });
    return pair;
  }

  const keysOf = (id: string): readonly Key[] => [...findHolder(instance, id).keys.values()];
  /** All keys that are there, by their ids. */
  const present = () =>
    new Map(
      [ACCOUNT, APPLICATION.clientId]
        .flatMap(keysOf)
        .filter(({ isPresent }) => isPresent.latest())
        .map((key) => [key.keyId, key]),
    );

  /** Makes a key pair and adds it. @returns its key JSON */
  function makeKey(secret: SecretName, expirationDate = BY_HAND): string {
    const { publicKey, privateKey } = makePair();
    const keyId = instance.nextId(now());
    const key = { keyId, publicKey: createPublicKey(publicKey), createdMs: now() };
    addKey(
      findHolder(instance, holderOf(secret)),
      { ...key, expiresMs: Number(parseTimestamp(expirationDate)) },
      now(),
    );
    return keyJson(secret, keyId, privateKey);
  }

  /** The stand-in makes keys of RSA, on a thread: this one is of P-256, and made at once. */
  function createApplicationKey({ body = '', authorization = '' }: OAuthRequest, origin: string): OAuthAnswer {
    const session = activeSession(instance, authorization.replace('Bearer ', ''), origin, now());
    const isOwner = session?.userId === ACCOUNT && session.audience.includes(ZITADEL_PROJECT);
    if (!isOwner) return answer(401, { code: 'unauthenticated', message: 'Errors.Token.Invalid' });
    const text = makeKey('application', JSON.parse(body).expirationDate);
    return answer(200, { keyId: keyIdIn(text), keyDetails: Buffer.from(text).toString('base64') });
  }

  async function ask(request: OAuthRequest): Promise<OAuthAnswer> {
    const { url, body, authorization, contentType = 'application/x-www-form-urlencoded' } = request;
    const { pathname: path, origin: issuer } = new URL(url);
    if (path.endsWith('/CreateApplicationKey')) return createApplicationKey(request, issuer);
    const method = request.method ?? (body === undefined ? 'GET' : 'POST');
    const headers = { 'content-type': contentType, ...(authorization && { authorization }) };
    // What this request sees of the writes before it.
    instance.lagMs = own.int(0, lagMs);
    const raw = { method, path, query: '', headers, body: body ?? '', issuer, nowMs: now() };
    const { status, contentType: type, body: text } = await route(instance, raw, () => undefined);
    return { status, headers: { 'content-type': type }, body: text };
  }

  return {
    makePair,
    makeKey,
    present,
    /** Removes a key, as an operator does. */
    removeKey: (keyId: string) => present().get(keyId)?.isPresent.write(false, now()),
    /** Answers a request of a fleet, or of `rotation`. */
    async answer(request: OAuthRequest, from: string): Promise<OAuthAnswer> {
      const before = present();
      const { issued } = instance;
      const answered = await ask(request);
      const after = present();
      for (const [keyId] of after) if (!before.has(keyId)) emit('added', { keyId });
      for (const [keyId, key] of before) if (!after.has(keyId)) emit('removed', { keyId, isMarked: isMarked(key) });
      if (instance.issued > issued && from !== 'rotation') {
        const form = new URLSearchParams(request.body);
        const assertion = form.get('assertion') ?? form.get('client_assertion') ?? '';
        const { iss } = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString());
        emit('issued', { label: `${from} ${iss}` });
      }
      return answered;
    },
  };
}
