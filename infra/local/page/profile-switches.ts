import { hasOwnTokens, onlyExchanges, type Profile } from '../../../lib/broker/profiles/profile.ts';
import { postNotices } from '../../../lib/broker/store/bulletin.ts';
import { createTable } from '../../../lib/compose/table.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { plus } from '../../../lib/core/time.ts';
import type { Key } from '../callers.ts';
import { type Address, curl, curlFederated, isListed } from '../curl.ts';
import { resourceOf } from '../gateway/delivery.ts';
import type { Principal } from '../gateway/sigv4.ts';
import type { Issuers } from '../issuers.ts';
import type { Stack } from '../stack.ts';
import { createIds } from '../zitadel/ids.ts';
import type { Zitadel } from '../zitadel/server.ts';
import { callBroker, callFederated, type Endpoint, type Reply } from './call.ts';
import type { Feed } from './feed.ts';
import { accountIn, replaceCredential } from './replace.ts';
import { ownZitadel, type Switch } from './switches.ts';

/** What the switches of a profile need. */
export interface ProfileSwitchDeps {
  readonly stack: Pick<Stack, 'table' | 'secretsManager' | 'rotate'>;
  readonly clock: Clock;
  /** The stand-in, if it is the issuer of all profiles. */
  readonly zitadel: Zitadel | undefined;
  readonly feed: Pick<Feed, 'answersOf'>;
  readonly keys: ReadonlyMap<string, Key>;
  readonly issuers: Issuers;
  readonly address: Address;
  /** With https: the authority to trust, in PEM. */
  readonly authority?: string;
}

const SOURCES = { memory: ', from memory', store: ', from the table', issued: ', from ZITADEL', failed: '' };

/** In words, for the person who has asked. */
function told(profile: string, { status, members }: Reply, source: keyof typeof SOURCES = 'failed'): string {
  if (status === 200) return `${profile}: answered 200${SOURCES[source]}.`;
  return `${profile}: answered ${status} ${String(members.error ?? members.message ?? '')}.`;
}

/** The switches that concern one profile. */
export function createProfileSwitches(deps: ProfileSwitchDeps): readonly Switch[] {
  const { stack, clock, zitadel, keys, issuers, address, authority, feed } = deps;
  const { secretsManager } = stack;
  const table = createTable({ TABLE_NAME: stack.table.tableName }, clock);
  const nextId = createIds();
  const createId = () => nextId(clock.now());
  const locked = new Set<string>();
  /** The last token of each profile: to revoke it. */
  const held = new Map<string, string>();

  const broker = { ...address, ...(authority === undefined ? {} : { authority }) };

  const principalFor = (profile: Profile, endpoint: Endpoint): Principal | undefined => {
    const resource = resourceOf('POST', `/${profile.name}/oauth/v2/${endpoint}`);
    return [...keys.values()].find(({ principal }) => principal.mayInvoke?.has(resource))?.principal;
  };
  const call = async (profile: Profile, endpoint: Endpoint, form: object): Promise<Reply> => {
    const principal = principalFor(profile, endpoint);
    if (principal === undefined) throw new Error('no caller may do this');
    return callBroker(broker, { principal, profile: profile.name, endpoint, form });
  };
  const getToken = async (profile: Profile): Promise<Reply> => {
    const reply = await call(profile, 'token', { grant_type: 'client_credentials' });
    if (reply.status === 200) held.set(profile.name, String(reply.members.access_token));
    return reply;
  };
  const noToken = (profile: Profile): string | undefined => {
    if (!hasOwnTokens(profile)) return 'It exchanges the tokens of its callers (docs/examples/oauth-client.ts).';
    return principalFor(profile, 'token') === undefined ? 'It has no callers.' : undefined;
  };
  /** For a workload without IAM: what a service has in the group of requests. */
  const withoutIam = issuers.flatMap((issuer): Switch[] => {
    const { kind, workload } = issuer;
    const shared = {
      group: 'Without IAM',
      obstacle: (profile: Profile) => (isListed(profile, issuer) ? undefined : `Its callers do not list ${workload}.`),
    } as const;
    return [
      {
        ...shared,
        id: `token-${kind}`,
        label: `Get a token for ${workload}`,
        run: async (profile) =>
          told(profile.name, await callFederated(broker, profile, issuer), feed.answersOf(profile.name).last),
      },
      {
        ...shared,
        id: `curl-${kind}`,
        label: `Copy as curl, for ${workload}`,
        run: (profile) => curlFederated(address, profile, issuer),
      },
    ];
  });
  const isForeign = ownZitadel(zitadel, 'this page cannot change it');

  return [
    {
      id: 'token',
      label: 'Get a token',
      group: 'Requests',
      obstacle: noToken,
      run: async (profile) => told(profile.name, await getToken(profile), feed.answersOf(profile.name).last),
    },
    {
      id: 'curl',
      label: 'Copy as curl',
      group: 'Requests',
      obstacle: noToken,
      run(profile) {
        const principal = principalFor(profile, 'token');
        return principal === undefined ? '' : curl(address, profile, { principal, endpoint: 'token' });
      },
    },
    ...withoutIam,
    {
      id: 'replace',
      label: 'Replace the credential',
      group: 'Chosen profile',
      obstacle: isForeign,
      async run({ secret }) {
        if (zitadel !== undefined) await replaceCredential({ zitadel, secretsManager, createId }, secret);
        return `${secret} has another credential, in ZITADEL and in Secrets Manager.`;
      },
    },
    {
      id: 'lock',
      label: 'Account locked',
      group: 'Chosen profile',
      isOn: ({ secret }) => locked.has(secret),
      obstacle: (profile) =>
        isForeign() ??
        (onlyExchanges(profile)
          ? `Its credential is of an application, which has no account${profile.subject ? `: choose ${profile.subject}` : ''}.`
          : undefined),
      run({ secret }) {
        const isLocked = !locked.has(secret);
        zitadel?.setUserState(accountIn(secretsManager, secret), isLocked ? 'locked' : 'active');
        if (isLocked) locked.add(secret);
        else locked.delete(secret);
        return isLocked ? 'ZITADEL has locked the account and ended its tokens.' : 'The account is active again.';
      },
    },
    {
      id: 'rotate',
      label: 'Rotate the key',
      group: 'Chosen profile',
      obstacle: ({ rotation }) =>
        rotation === undefined
          ? 'It has no rotation (docs/profiles.md).'
          : ownZitadel(zitadel, 'the new key would end with this stack')(),
      async run({ secret }) {
        await stack.rotate(secret);
        return `The rotation of ${secret} has started; the log shows its steps.`;
      },
    },
    {
      id: 'revoke',
      label: 'Revoke the token',
      group: 'Chosen profile',
      obstacle: (profile) =>
        noToken(profile) ??
        (principalFor(profile, 'revoke') === undefined ? 'No caller here may revoke its tokens.' : undefined),
      async run(profile) {
        if (!held.has(profile.name)) await getToken(profile);
        const token = held.get(profile.name);
        if (token === undefined) return `${profile.name}: there is no token to revoke.`;
        const reply = await call(profile, 'revoke', { token });
        if (reply.status === 200) held.delete(profile.name);
        return told(profile.name, reply);
      },
    },
    {
      id: 'flush',
      label: 'Flush its tokens',
      group: 'Chosen profile',
      async run({ name }) {
        const now = clock.now();
        // A token that was obtained this millisecond is void too.
        const posted = await postNotices(table, [{ kind: 'before', profile: name, at: plus(now, 1) }], now);
        if (!posted.ok) return `The table cannot be reached: ${posted.error.detail}.`;
        return `Every token of ${name} is void. Sandboxes read this within a minute, a new sandbox at once.`;
      },
    },
  ];
}
