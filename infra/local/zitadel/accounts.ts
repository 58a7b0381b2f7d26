import { createPublicKey, type KeyObject } from 'node:crypto';
import { createdMs } from './ids.ts';
import { createLagging, type Lagging } from './lagging.ts';

/** A public key that ZITADEL holds for an account or an application. */
export interface Key {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  readonly createdMs: number;
  readonly expiresMs: number;
  /** Whether it exists: a removed key stays in the map. */
  readonly isPresent: Lagging<boolean>;
}

export type UserState = 'active' | 'inactive' | 'locked';

/** A service account. It signs with its keys as `userId` and has a secret as `username`. */
export interface ServiceAccount {
  readonly userId: string;
  readonly username: string;
  readonly accessTokenType: 'opaque' | 'jwt';
  /** The roles that it holds, by project. */
  readonly roles: ReadonlyMap<string, readonly string[]>;
  readonly keys: Map<string, Key>;
  readonly changedMs: number;
  readonly secret: Lagging<string | undefined>;
  state: UserState;
}

/** An application of a project. */
export interface Application {
  readonly kind: 'api' | 'oidc';
  readonly appId: string;
  readonly clientId: string;
  readonly projectId: string;
  readonly grantTypes: readonly string[];
  readonly keys: Map<string, Key>;
  /** Whether it authenticates with keys. As in ZITADEL, the method cannot be changed. */
  readonly usesKeys: boolean;
  readonly secret: Lagging<string | undefined>;
}

/** The accounts of the instance. */
export interface Accounts {
  readonly org: string;
  /** By user id. */
  readonly users: ReadonlyMap<string, ServiceAccount>;
  /** By client id. */
  readonly applications: ReadonlyMap<string, Application>;
  /** The login names that have no secret here: of the first person of the instance, and of the administrator. */
  readonly others: ReadonlySet<string>;
  /** The personal access token of an administrator. */
  readonly adminToken: string | undefined;
}

/** The accounts cannot be read; the message names every member at fault and no value. */
export class AccountsError extends Error {}

/** The role that the conventions below give, and the only one that the projects have. */
export const ROLE = 'reader';

/** The primary domain of the organization. */
export const ORG_DOMAIN = 'zitadel.localhost';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const GRANTS = ['authorization_code', 'refresh_token'];

// What an entry's name says about it beyond its members.
const HOLDS_ROLE = /^saSecret(Jwt)?$/;
const HAS_JWT_TOKENS = /^sa(\w*Jwt|Victim)$/;
const IS_IN_OTHER_PROJECT = /Other$/;
const LACKS_EXCHANGE = /NoExchange$/;

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads a file of accounts: `org`, `project` and `otherProject`, then service accounts (`sa…`), API applications
 * (`api…`), OIDC applications (`oidc…`) and an `admin`, with their secrets and key JSON.
 * @throws {AccountsError}
 */
export function parseAccounts(document: unknown): Accounts {
  if (!isObject(document)) throw new AccountsError('the accounts must be a JSON object');
  const faults: string[] = [];
  const users = new Map<string, ServiceAccount>();
  const applications = new Map<string, Application>();

  const text = (members: Members, name: string, path: string): string => {
    const value = members[name];
    if (typeof value === 'string' && value !== '') return value;
    faults.push(`${path}${name}: must be a non-empty string`);
    return '';
  };
  const optionalText = (members: Members, name: string, path: string) =>
    members[name] === undefined ? undefined : text(members, name, path);

  const readKey = (members: Members, path: string): Key | undefined => {
    const keyId = text(members, 'keyId', path);
    const pem = text(members, 'key', path);
    const expiresMs = Date.parse(optionalText(members, 'expirationDate', path) ?? '9999-12-31T23:59:59Z');
    if (Number.isNaN(expiresMs)) faults.push(`${path}expirationDate: must be a time such as 2030-01-01T00:00:00Z`);
    try {
      const isPresent = createLagging(true);
      return { keyId, publicKey: createPublicKey(pem), createdMs: createdMs(keyId), expiresMs, isPresent };
    } catch {
      if (pem !== '') faults.push(`${path}key: must be a key in PEM`);
      return undefined;
    }
  };

  const addUser = (name: string, members: Members) => {
    const path = `${name}.`;
    const keyMembers = isObject(members.key) ? members.key : undefined;
    if (members.key !== undefined && !keyMembers) faults.push(`${path}key: must be the key JSON of a service account`);
    const userId =
      keyMembers && members.userId === undefined
        ? text(keyMembers, 'userId', `${path}key.`)
        : text(members, 'userId', path);
    const known = users.get(userId);
    const user: ServiceAccount = known ?? {
      userId,
      username: text(members, 'username', path),
      accessTokenType: HAS_JWT_TOKENS.test(name) ? 'jwt' : 'opaque',
      roles: new Map(HOLDS_ROLE.test(name) ? [[text(document, 'project', ''), [ROLE]]] : []),
      keys: new Map(),
      changedMs: createdMs(userId),
      secret: createLagging<string | undefined>(undefined),
      state: 'active',
    };
    user.secret.write(user.secret.latest() ?? optionalText(members, 'clientSecret', path), Number.NEGATIVE_INFINITY);
    const key = keyMembers && readKey(keyMembers, `${path}key.`);
    if (key) user.keys.set(key.keyId, key);
    users.set(userId, user);
  };

  const addApplication = (name: string, kind: Application['kind'], members: Members) => {
    const path = `${name}.`;
    const usesKeys = members.keyId !== undefined;
    const key = usesKeys ? readKey(members, path) : undefined;
    const clientId = text(members, 'clientId', path);
    applications.set(clientId, {
      kind,
      appId: text(members, 'appId', path),
      clientId,
      projectId: text(document, IS_IN_OTHER_PROJECT.test(name) ? 'otherProject' : 'project', ''),
      grantTypes: LACKS_EXCHANGE.test(name) ? GRANTS : [...GRANTS, TOKEN_EXCHANGE],
      keys: new Map(key ? [[key.keyId, key]] : []),
      usesKeys,
      secret: createLagging(usesKeys ? undefined : text(members, 'clientSecret', path)),
    });
  };

  const org = text(document, 'org', '');
  text(document, 'project', '');
  for (const [name, members] of Object.entries(document)) {
    if (['org', 'project', 'otherProject'].includes(name)) continue;
    const kind = /^(sa|api|oidc|admin)/.exec(name)?.[1];
    if (kind === undefined) faults.push(`${name}: a name starts with sa, api or oidc, or is admin`);
    else if (!isObject(members)) faults.push(`${name}: must be an object`);
    else if (kind === 'sa') addUser(name, members);
    else if (kind !== 'admin') addApplication(name, kind as Application['kind'], members);
  }
  const admin = isObject(document.admin) ? document.admin : {};
  const adminToken = optionalText(admin, 'personalAccessToken', 'admin.');
  const others = new Set([`zitadel-admin@${ORG_DOMAIN}`, optionalText(admin, 'username', 'admin.') ?? '']);
  if (faults.length > 0) throw new AccountsError([...new Set(faults)].join('; '));
  return { org, users, applications, others, adminToken };
}
