import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type Redacted, redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type EpochMs, instant } from '../core/time.ts';
import type { SigningKey } from '../oauth/assertion.ts';
import { parseJsonObject } from '../oauth/token-response.ts';

/** Id and secret of a service account, an API application or an OIDC application; the JSON does not say which. */
export interface ClientSecret {
  readonly kind: 'client_secret';
  readonly clientId: string;
  readonly clientSecret: Redacted<string>;
}

/** ZITADEL's key JSON `type: serviceaccount`: its assertion is a grant (RFC 7523 §2.1). */
export interface ServiceAccountKey {
  readonly kind: 'service_account_key';
  readonly userId: string;
  readonly key: SigningKey;
  /** ZITADEL's `expirationDate`; absent if the key does not expire. */
  readonly expiresAt?: EpochMs;
}

/** ZITADEL's key JSON `type: application`: its assertion authenticates the client (RFC 7523 §2.2). */
export interface ApplicationKey {
  readonly kind: 'application_key';
  readonly clientId: string;
  readonly key: SigningKey;
  readonly expiresAt?: EpochMs;
}

/** The parsed content of a secret in Secrets Manager. */
export type Credential = (ClientSecret | ServiceAccountKey | ApplicationKey) & {
  /** Everything that identifies this credential, including the secret: keys and an id are derived from it. */
  readonly material: Redacted<string>;
};

/** Which field of a secret is unusable, and what to do. Never contains a value. */
export interface CredentialFault {
  /** A member of the JSON, or `secret` for the whole secret. */
  readonly field: string;
  readonly problem: string;
}

const SMALLEST_RSA_BITS = 2048;

type Members = Readonly<Record<string, unknown>>;

const fault = (field: string, problem: string) => fail<CredentialFault>({ field, problem });

/** The first of the named members that is present; it must be a non-empty string. */
function text(members: Members, ...names: readonly string[]): Result<string, CredentialFault> {
  const name = names.find((candidate) => members[candidate] !== undefined);
  const field = names[0] ?? '';
  if (name === undefined) return fault(field, 'is missing');
  const value = members[name];
  return typeof value === 'string' && value !== '' ? ok(value) : fault(name, 'must be a non-empty string');
}

function parsePrivateKey(pem: string): Result<KeyObject, CredentialFault> {
  try {
    return ok(createPrivateKey(pem));
  } catch {
    return fault('key', 'must be an unencrypted private key in PEM format (PKCS#1 or PKCS#8)');
  }
}

function signingKey(members: Members): Result<SigningKey, CredentialFault> {
  const kid = text(members, 'keyId', 'key_id');
  if (!kid.ok) return kid;
  const pem = text(members, 'key');
  if (!pem.ok) return pem;
  const key = parsePrivateKey(pem.value);
  if (!key.ok) return key;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key.value;
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < SMALLEST_RSA_BITS) return fault('key', `is an RSA key of ${bits} bit; at least 2048 are needed`);
    return ok({ kid: kid.value, alg: 'RS256', privateKey: key.value });
  }
  if (type === 'ec' && details?.namedCurve === 'prime256v1') {
    return ok({ kid: kid.value, alg: 'ES256', privateKey: key.value });
  }
  return fault('key', 'is neither an RSA nor a P-256 key: ZITADEL accepts RS256 and ES256');
}

function expiry(members: Members): Result<{ expiresAt?: EpochMs }, CredentialFault> {
  const { expirationDate } = members;
  if (expirationDate === undefined || expirationDate === null) return ok({});
  const at = typeof expirationDate === 'string' ? Date.parse(expirationDate) : Number.NaN;
  return Number.isNaN(at) ? fault('expirationDate', 'is not an RFC 3339 date') : ok({ expiresAt: instant(at) });
}

function parseKey(
  members: Members,
  kind: 'service_account_key' | 'application_key',
): Result<Credential, CredentialFault> {
  const key = signingKey(members);
  if (!key.ok) return key;
  const expires = expiry(members);
  if (!expires.ok) return expires;
  const owner =
    kind === 'service_account_key' ? text(members, 'userId', 'user_id') : text(members, 'clientId', 'client_id');
  if (!owner.ok) return owner;
  const { privateKey, kid } = key.value;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const material = redacted(JSON.stringify([kind, owner.value, kid, pem, expires.value.expiresAt]));
  const shared = { key: key.value, material, ...expires.value };
  return ok(
    kind === 'service_account_key'
      ? { kind, userId: owner.value, ...shared }
      : { kind, clientId: owner.value, ...shared },
  );
}

function parseClientSecret(members: Members): Result<Credential, CredentialFault> {
  const clientId = text(members, 'clientId', 'client_id');
  if (!clientId.ok) return clientId;
  const clientSecret = text(members, 'clientSecret', 'client_secret');
  if (!clientSecret.ok) return clientSecret;
  const material = redacted(JSON.stringify(['client_secret', clientId.value, clientSecret.value]));
  return ok({ kind: 'client_secret', clientId: clientId.value, clientSecret: redacted(clientSecret.value), material });
}

/**
 * Parses the text of a secret: ZITADEL's key JSON as downloaded, or `{clientId, clientSecret}` (also `client_id`,
 * `client_secret`).
 */
export function parseCredential(secret: Redacted<string>): Result<Credential, CredentialFault> {
  const members = parseJsonObject(secret.reveal());
  if (members === undefined) {
    return fault(
      'secret',
      'is not a JSON object; store the key JSON as downloaded from ZITADEL, or {"clientId":…,"clientSecret":…}',
    );
  }
  if (members.type === 'serviceaccount') return parseKey(members, 'service_account_key');
  if (members.type === 'application') return parseKey(members, 'application_key');
  const isKey = members.key !== undefined || members.keyId !== undefined;
  if (members.type !== undefined || isKey) return fault('type', 'must be "serviceaccount" or "application"');
  return parseClientSecret(members);
}

/** Reports a key past its `expirationDate`: clearer than ZITADEL's refusal. */
export function expiredField(credential: Credential, now: EpochMs): CredentialFault | undefined {
  if (credential.kind === 'client_secret' || credential.expiresAt === undefined || credential.expiresAt > now) return;
  return {
    field: 'expirationDate',
    problem: `has passed (${new Date(credential.expiresAt).toISOString()}): add a new key`,
  };
}
