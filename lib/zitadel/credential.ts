import { createPrivateKey, type KeyObject } from 'node:crypto';
import { loggable, type Redacted, redacted } from '../core/redacted.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { trimInvisible } from '../core/text.ts';
import { type EpochMs, instant } from '../core/time.ts';
import type { SigningKey } from '../oauth/assertion.ts';
import { describeText, findMembers, type Members, repairPem } from './secret-text.ts';

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
  /** The id that ZITADEL's management API knows the application by. */
  readonly appId?: string;
  readonly key: SigningKey;
  readonly expiresAt?: EpochMs;
}

/** The parsed content of a secret in Secrets Manager. */
export type Credential = (ClientSecret | ServiceAccountKey | ApplicationKey) & {
  /** Everything that identifies this credential, including the secret: keys and an id are derived from it. */
  readonly material: Redacted<string>;
  /** The names of members that had invisible characters at their ends. */
  readonly trimmed: readonly string[];
};

/** Which field of a secret is unusable, and what to do. Never contains a value. */
export interface CredentialFault {
  /** A member of the JSON, or `secret` for the whole secret. */
  readonly field: string;
  readonly problem: string;
}

const SMALLEST_RSA_BITS = 2048;

const fault = (field: string, problem: string) => fail<CredentialFault>({ field, problem });

/** The members of a credential, by the names that ZITADEL gives them, and by those under which people store them. */
const NAMES = {
  clientId: ['clientid'],
  appId: ['appid'],
  clientSecret: ['clientsecret'],
  keyId: ['keyid'],
  userId: ['userid'],
  key: ['key', 'privatekey'],
  type: ['type'],
  expirationDate: ['expirationdate'],
} as const;
type Name = keyof typeof NAMES;

/** Ids and secrets contain no white space; an editor or a shell may have added some at their ends. */
const TRIMMED: readonly Name[] = ['clientId', 'appId', 'clientSecret', 'keyId', 'userId'];

/** A member: its value, and its name as it is in the secret. */
interface Member {
  readonly name: string;
  readonly value: unknown;
}

/** The members that a credential may have, and which of them had invisible characters at their ends. */
interface Found {
  readonly members: Readonly<Partial<Record<Name, Member>>>;
  readonly trimmed: readonly string[];
}

/** A name as people write it: in any case, with or without separators, with `ZITADEL_` before it as in an environment. */
const plainName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[\s_.-]+/g, '')
    .replace(/^zitadel(?=.)/, '');

/** A value that a private key can be made of: other products name other things `key`. */
const isPem = (value: unknown): boolean => typeof value === 'string' && repairPem(value).includes('-----BEGIN');

/** Finds the members by name. One that stands twice must have the same value twice. */
function findNamed(members: Members): Result<Found, CredentialFault> {
  const found: Partial<Record<Name, Member>> = {};
  const trimmed: string[] = [];
  for (const [name, raw] of Object.entries(members)) {
    if (raw === undefined || raw === null) continue;
    const known = (Object.keys(NAMES) as Name[]).find((one) =>
      (NAMES[one] as readonly string[]).includes(plainName(name)),
    );
    if (known === undefined) continue;
    const value = typeof raw === 'string' && TRIMMED.includes(known) ? trimInvisible(raw) : raw;
    const before = found[known];
    if (before !== undefined && before.value !== value) {
      // A private key beside something else of that name: only one of the two can be meant.
      if (known === 'key' && isPem(before.value) !== isPem(value)) {
        if (isPem(value)) found.key = { name, value };
        continue;
      }
      return fault(name, `and ${before.name} differ: keep one of them`);
    }
    found[known] = { name, value };
    if (value !== raw) trimmed.push(name);
  }
  return ok({ members: found, trimmed });
}

/** A member that must be a non-empty string. */
function text({ members }: Found, name: Name): Result<string, CredentialFault> {
  const member = members[name];
  if (member === undefined) return fault(name, 'is missing');
  const { value } = member;
  return typeof value === 'string' && value !== '' ? ok(value) : fault(member.name, 'must be a non-empty string');
}

function parsePrivateKey(pem: string): Result<KeyObject, CredentialFault> {
  try {
    return ok(createPrivateKey(repairPem(pem)));
  } catch {
    return fault('key', 'must be an unencrypted private key in PEM format (PKCS#1 or PKCS#8)');
  }
}

function signingKey(found: Found): Result<SigningKey, CredentialFault> {
  const kid = text(found, 'keyId');
  if (!kid.ok) return kid;
  const pem = text(found, 'key');
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

function expiry({ members }: Found): Result<{ expiresAt?: EpochMs }, CredentialFault> {
  const date = members.expirationDate?.value;
  if (date === undefined) return ok({});
  const at = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  return Number.isNaN(at) ? fault('expirationDate', 'is not an RFC 3339 date') : ok({ expiresAt: instant(at) });
}

type KeyKind = 'service_account_key' | 'application_key';

function parseKey(found: Found, kind: KeyKind): Result<Credential, CredentialFault> {
  const key = signingKey(found);
  if (!key.ok) return key;
  const expires = expiry(found);
  if (!expires.ok) return expires;
  const owner = text(found, kind === 'service_account_key' ? 'userId' : 'clientId');
  if (!owner.ok) return owner;
  const { privateKey, kid } = key.value;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const material = redacted(JSON.stringify([kind, owner.value, kid, pem, expires.value.expiresAt]));
  const shared = { key: key.value, material, trimmed: found.trimmed, ...expires.value };
  if (kind === 'service_account_key') return ok({ kind, userId: owner.value, ...shared });
  const appId = text(found, 'appId');
  return ok({ kind, clientId: owner.value, ...(appId.ok ? { appId: appId.value } : {}), ...shared });
}

function parseClientSecret(found: Found): Result<Credential, CredentialFault> {
  const clientId = text(found, 'clientId');
  if (!clientId.ok) return clientId;
  const clientSecret = text(found, 'clientSecret');
  if (!clientSecret.ok) return clientSecret;
  const material = redacted(JSON.stringify(['client_secret', clientId.value, clientSecret.value]));
  const { trimmed } = found;
  const secret = redacted(clientSecret.value);
  return ok({ kind: 'client_secret', clientId: clientId.value, clientSecret: secret, material, trimmed });
}

/** The kind of key that the members are meant to be, if any: by `type`, else by the owner that they name. */
function keyKind({ members }: Found): KeyKind | undefined {
  const type = members.type?.value;
  const kind = typeof type === 'string' ? plainName(type) : undefined;
  if (kind === 'serviceaccount') return 'service_account_key';
  if (kind === 'application') return 'application_key';
  if (members.keyId === undefined || !isPem(members.key?.value)) return undefined;
  if (members.userId !== undefined) return members.clientId === undefined ? 'service_account_key' : undefined;
  return members.clientId === undefined ? undefined : 'application_key';
}

/** What one level of a secret is: credentials, or why it is none, if it seems to be meant as one. */
interface Level {
  readonly credentials: readonly Credential[];
  readonly fault?: CredentialFault;
}

function readLevel(members: Members): Level {
  const named = findNamed(members);
  if (!named.ok) return { credentials: [], fault: named.error };
  const found = named.value;
  const { clientId, clientSecret, key, keyId, type } = found.members;
  const kind = keyKind(found);
  const attempts = [
    ...(kind === undefined ? [] : [parseKey(found, kind)]),
    ...(clientId !== undefined && clientSecret !== undefined ? [parseClientSecret(found)] : []),
  ];
  const credentials = attempts.flatMap((attempt) => (attempt.ok ? [attempt.value] : []));
  if (credentials.length > 0) return { credentials };
  const failed = attempts.find((attempt) => !attempt.ok);
  if (failed !== undefined && !failed.ok) return { credentials, fault: failed.error };
  if (keyId !== undefined && isPem(key?.value)) {
    return {
      credentials,
      fault: { field: type?.name ?? 'type', problem: 'must be "serviceaccount" or "application"' },
    };
  }
  const isMeant = clientId !== undefined || clientSecret !== undefined;
  const pair = isMeant ? parseClientSecret(found) : undefined;
  return { credentials, ...(pair === undefined || pair.ok ? {} : { fault: pair.error }) };
}

/** How deep a credential may lie in other members. */
const MOST_LEVELS = 2;

/** A credential, and the path of members that leads to it. */
interface Placed {
  readonly path: string;
  readonly credential: Credential;
}

/** Finds every whole credential in the members, and in the members of their values. */
function findAll(
  members: Members,
  path: string,
  levels = MOST_LEVELS,
): { placed: Placed[]; faults: CredentialFault[] } {
  const { credentials, fault: own } = readLevel(members);
  const placed: Placed[] = credentials.map((credential) => ({ path, credential }));
  const faults = own === undefined ? [] : [{ ...own, field: path === '' ? own.field : `${path}.${own.field}` }];
  if (levels === 0) return { placed, faults };
  for (const [name, value] of Object.entries(members)) {
    if (name === '__proto__') continue;
    const inner = typeof value === 'string' ? findMembers(value) : isMembers(value) ? value : undefined;
    if (inner === undefined) continue;
    const deeper = findAll(inner, path === '' ? name : `${path}.${name}`, levels - 1);
    placed.push(...deeper.placed);
    faults.push(...deeper.faults);
  }
  return { placed, faults };
}

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The names of members, for an operator; a name that looks like a secret is cut. */
const listNames = (names: readonly string[]): string => names.map((name) => loggable(name)).join(', ');

const STORE = 'store the key JSON as downloaded from ZITADEL, or {"clientId":…,"clientSecret":…}';

/**
 * Parses the text of a secret: ZITADEL's key JSON as downloaded, or `{clientId, clientSecret}`, whatever its carriers
 * made of it (docs/secrets.md). Takes what is unambiguous: exactly one whole credential, anywhere in the secret.
 */
export function parseCredential(secret: Redacted<string>): Result<Credential, CredentialFault> {
  const members = findMembers(secret.reveal());
  if (members === undefined) return fault('secret', `${describeText(secret.reveal())}; ${STORE}`);
  const { placed, faults } = findAll(members, '');
  const different = [...new Map(placed.map((one) => [one.credential.material.reveal(), one])).values()];
  const [only] = different;
  if (only !== undefined && different.length === 1) return ok(only.credential);
  if (different.length > 1) {
    const where = different.map(
      ({ path, credential: { kind } }) => `${kind.replaceAll('_', ' ')}${path === '' ? '' : ` in ${loggable(path)}`}`,
    );
    return fault(
      'secret',
      `contains ${different.length} different credentials (${where.join(', ')}): keep one, or name its member in the profile as NAME#MEMBER`,
    );
  }
  const [first] = faults;
  if (first !== undefined) return fail({ ...first, field: loggable(first.field) });
  const names = Object.keys(members);
  const found = names.length === 0 ? 'is an empty JSON object' : `has only the members ${listNames(names)}`;
  return fault('secret', `${found}; ${STORE}`);
}

/** Reports a key past its `expirationDate`: clearer than ZITADEL's refusal. */
export function expiredField(credential: Credential, now: EpochMs): CredentialFault | undefined {
  if (credential.kind === 'client_secret' || credential.expiresAt === undefined || credential.expiresAt > now) return;
  return {
    field: 'expirationDate',
    problem: `has passed (${new Date(credential.expiresAt).toISOString()}): add a new key`,
  };
}
