import { loggable, type Redacted, redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, instant } from '../core/time.ts';
import { isJson, parseJsonObject } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';
import { sortAnswer, type UpstreamTrouble } from './upstream.ts';

/** Whose keys are managed: a service account manages its own; an application's need a project owner. */
export type KeyHolder =
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'application'; readonly applicationId: string; readonly projectId: string };

/** A key in ZITADEL's list, which does not show the public key. */
export interface RegisteredKey {
  readonly keyId: string;
  readonly createdAt: EpochMs;
  /** RFC 3339, to the microsecond: the only member that whoever adds the key chooses. */
  readonly expirationDate: string;
  /** Of an application's key. */
  readonly projectId?: string;
}

/** Why a call of ZITADEL's management API failed; `detail` is safe to log. `refused`: an operator must act. */
export type ManagementFault = UpstreamTrouble | { readonly kind: 'refused'; readonly detail: string };

/** One page of a list. */
export interface KeyPage {
  readonly keys: readonly RegisteredKey[];
  /** The number of keys on all pages. */
  readonly total: number;
}

/** A key that was added; `content` is the key JSON if ZITADEL made the key. */
export interface AddedKey {
  readonly keyId: string;
  readonly content?: Redacted<string>;
}

/** A token for ZITADEL's own API, with the scope `urn:zitadel:iam:org:project:id:zitadel:aud`. */
interface Call {
  readonly issuer: string;
  readonly token: Redacted<string>;
  readonly holder: KeyHolder;
}

const APPLICATIONS = '/zitadel.application.v2.ApplicationService';

const call = ({ issuer, token }: Call, path: string, body?: object): OAuthRequest => ({
  url: `${issuer}${path}`,
  authorization: `Bearer ${token.reveal()}`,
  ...(body === undefined
    ? { method: 'DELETE' as const }
    : { contentType: 'application/json' as const, body: JSON.stringify(body) }),
  secrets: [token.reveal()],
});

const ids = (holder: Extract<KeyHolder, { kind: 'application' }>) => ({
  projectId: holder.projectId,
  applicationId: holder.applicationId,
});

/** Lists a holder's keys from `offset`, the oldest first, so that a key that is added meanwhile moves no other. */
export function buildListRequest(given: Call, offset: number): OAuthRequest {
  const { holder } = given;
  const pagination = { offset, limit: 100, asc: true };
  return holder.kind === 'user'
    ? call(given, '/v2/users/keys/search', { pagination, filters: [{ userIdFilter: { id: holder.userId } }] })
    : call(given, `${APPLICATIONS}/ListApplicationKeys`, {
        pagination,
        filters: [{ applicationIdFilter: { applicationId: holder.applicationId } }],
      });
}

/**
 * Adds a key.
 * @param publicKey PKIX in PEM, so that the private key stays here; for a user only
 */
export function buildAddRequest(given: Call, expirationDate: string, publicKey?: string): OAuthRequest {
  const { holder } = given;
  if (holder.kind === 'application') {
    return call(given, `${APPLICATIONS}/CreateApplicationKey`, { ...ids(holder), expirationDate });
  }
  const encoded = publicKey === undefined ? {} : { publicKey: Buffer.from(publicKey).toString('base64') };
  return call(given, `/v2/users/${encodeURIComponent(holder.userId)}/keys`, { expirationDate, ...encoded });
}

/** Removes a key. */
export const buildRemoveRequest = (given: Call, keyId: string): OAuthRequest =>
  given.holder.kind === 'application'
    ? call(given, `${APPLICATIONS}/DeleteApplicationKey`, { ...ids(given.holder), keyId })
    : call(given, `/v2/users/${encodeURIComponent(given.holder.userId)}/keys/${encodeURIComponent(keyId)}`);

const NOT_FOUND = 404;

function judge<T>(
  request: OAuthRequest,
  result: Result<OAuthAnswer, TransportFault>,
  read: (members: Readonly<Record<string, unknown>>) => T | undefined,
): Result<T, ManagementFault> {
  const sorted = sortAnswer(request, result);
  if (sorted.kind === 'unavailable' || !result.ok) return fail(sorted as UpstreamTrouble);
  const { value: answer } = result;
  const members = isJson(answer) ? parseJsonObject(answer.body) : undefined;
  if (answer.status === 200) {
    const found = members === undefined ? undefined : read(members);
    if (found !== undefined) return ok(found);
    return fail({ kind: 'unexpected', detail: `status ${answer.status}: not an answer of the management API` });
  }
  const { message } = members ?? {};
  if (typeof message !== 'string') return fail({ kind: 'unexpected', detail: sorted.detail });
  return fail({ kind: 'refused', detail: `status ${answer.status}: ${loggable(message, request.secrets)}` });
}

const readKey = (value: unknown): RegisteredKey | undefined => {
  const { id, keyId = id, creationDate, expirationDate, projectId } = (value ?? {}) as Record<string, unknown>;
  const createdMs = Date.parse(String(creationDate));
  if (typeof keyId !== 'string' || typeof expirationDate !== 'string' || Number.isNaN(createdMs)) return undefined;
  return {
    keyId,
    createdAt: instant(createdMs),
    expirationDate,
    ...(typeof projectId === 'string' ? { projectId } : {}),
  };
};

/** A page of keys. A malformed entry makes the page useless: the keys that rotation may remove would be unknown. */
export const judgeList = (
  request: OAuthRequest,
  result: Result<OAuthAnswer, TransportFault>,
): Result<KeyPage, ManagementFault> =>
  judge(request, result, ({ pagination, result: users, keys: listed = users ?? [] }) => {
    // An empty page has no members for its keys and its total.
    const { totalResult = '0' } = (pagination ?? {}) as { totalResult?: unknown };
    const keys = Array.isArray(listed) ? listed.map(readKey) : [undefined];
    const total = Number(totalResult);
    if (keys.includes(undefined) || !Number.isInteger(total)) return undefined;
    return { keys: keys as RegisteredKey[], total };
  });

/** The key that was added. */
export const judgeAdd = (
  request: OAuthRequest,
  result: Result<OAuthAnswer, TransportFault>,
): Result<AddedKey, ManagementFault> =>
  judge(request, result, ({ keyId, keyContent, keyDetails = keyContent }) => {
    if (typeof keyId !== 'string') return undefined;
    if (typeof keyDetails !== 'string') return { keyId };
    return { keyId, content: redacted(Buffer.from(keyDetails, 'base64').toString('utf8')) };
  });

/** Success also if the key is gone already. */
export function judgeRemove(
  request: OAuthRequest,
  result: Result<OAuthAnswer, TransportFault>,
): Result<void, ManagementFault> {
  const removed = judge(request, result, () => true);
  if (removed.ok) return ok(undefined);
  // A 404 also says that the caller lacks the right (`membership not found`): then the key may still be there.
  const isGone = result.ok && result.value.status === NOT_FOUND && /\bkey not found\b/i.test(result.value.body);
  return isGone ? ok(undefined) : removed;
}
