import type { PROMISES as OF_ROTATION } from '../rotation/judge.ts';
import type { PROMISES as OF_BROKER } from './world.ts';
import type { WorldName } from './worlds.ts';

/**
 * Faults of the broker's own, made on purpose: by the promise that they break, and by their names. Each is one change of
 * a source, or several: a file of `lib`, a text that stands in it once, and what takes its place.
 */
type Mutants<Promised extends string> = Readonly<
  Record<Promised, Readonly<Record<string, string | readonly string[]>>>
>;

const BROKER: Mutants<keyof typeof OF_BROKER> = {
  'a token that is handed out has 5 s left': {
    'hands out what is nearly over': 'broker/obtain/entry.ts: now < LEAST_LEFT_MS → now < 0',
    'stores tokens by a clock that is ahead':
      'broker/obtain/leased.ts: shiftToken(token, -table → shiftToken(token, 0 * table',
  },
  'a token that is handed out has its minimum left, or its renewal has failed': {
    'lets callers wait for no renewal': "broker/token/freshness.ts: return 'last_resort'; → return 'due';",
  },
  'a token that is handed out is no older than its profile allows': {
    'believes the age of a token that was stored':
      'broker/token/freshness.ts: if (maxAgeMs === undefined || expiresAt - obtainedAt <= maxAgeMs) return → return',
  },
  'an exchanged token has no audience that its profile does not grant': {
    'names no audience': 'zitadel/token-request.ts: audience: audiences, → audience: [],',
  },
  'strangers get 403, and only they': {
    'looks at nobody': 'broker/profiles/policy.ts: listed.some((pattern) => matchesRole(pattern, principal)) → true',
  },
  'a token is handed out only for what it was obtained for': {
    'leaves the scopes out of the key':
      "broker/token/demand.ts: revocation?.secret ?? '', ...scopes] → revocation?.secret ?? '']",
  },
  'one token request for each key and refresh window, and one more for each cause': {
    'takes a lease that another holds': 'broker/obtain/reading.ts: leased: isLeased → leased: false && isLeased',
    'requests a token although there is one': "broker/obtain/reading.ts: if (state === 'fresh') return 'serve'; → ",
    'forgets what it has obtained':
      'broker/obtain/leased.ts: } = await store(demand, → } = lease.until > 0 ? { stored: Promise.resolve(undefined) } : await store(demand,',
    'believes every caller': 'broker/introspection/doubts.ts: now < at + DOUBT_EVERY_MS && → now < 0 &&',
  },
  'a generation never goes back': {
    'forgets the count of leases':
      "broker/store/lease.ts: remove: [...LEASE_FIELDS, ...FAILURE_FIELDS],\n  condition → remove: [...LEASE_FIELDS, ...FAILURE_FIELDS, 'generation'],\n  condition",
  },
  'an outage is not made worse': {
    'asks again whatever has failed, and remembers nothing': [
      'broker/credentials/attempt.ts: if (first.ok || first.error.credential === undefined) → if (first.ok)',
      'broker/store/failure.ts:   now < failure.until &&\n →   now < 0 &&\n',
      'broker/credentials/outages.ts: if (state !== undefined && now < state.until) return state; → return undefined;',
      'broker/obtain/renewal.ts: outages.standing(issuer) → outages.standing(issuer.slice(1))',
    ],
  },
  'every request ends within its deadline': {
    'waits without an end': 'broker/obtain/memory.ts: leftMs - ANSWER_MS, begun → 3_600_000, begun',
  },
  'without faults, and soon after them, all is well': {
    'holds a grudge':
      'broker/store/failure.ts: LONGEST_PAUSE_MS = 30 * SECOND_MS; → LONGEST_PAUSE_MS = 600 * SECOND_MS;',
    'waits for as long as a row says':
      'broker/store/lease.ts: leaseUntil <= now + LEASE_MS + CLOCK_SKEW_MS; → leaseUntil > 0;',
    'believes a failure for as long as a row says':
      'broker/store/failure.ts: failure.until <= now + LONGEST_PAUSE_MS + CLOCK_SKEW_MS && → failure.until > 0 &&',
  },
  'only a caller that sends too many requests gets 429': {
    'limits all callers together': [
      "broker/profiles/caller-rate.ts: allowances.get(key) → allowances.get('')",
      "broker/profiles/caller-rate.ts: allowances.set(key, → allowances.set('',",
    ],
  },
  'a token that died early is not handed out after a minute': {
    'looks for notices too seldom':
      'broker/store/bulletin.ts: LOOK_EVERY_MS = 50 * SECOND_MS; → LOOK_EVERY_MS = 5000 * SECOND_MS;',
    'hands out what a dead token was exchanged for':
      'broker/store/bulletin.ts: [tokenDigest(token.accessToken), ...(token.madeFrom ?? [])] → [tokenDigest(token.accessToken)]',
    'hands out what a caller has had exchanged, whatever became of it':
      'broker/exchange/exchange.ts: !bulletin.isKnownDead(exchanged.subjectToken); → true;',
    'takes no notice of a flush': 'broker/store/notices.ts: linkAt < at && → linkAt < 0 &&',
    'tells nobody that a token was replaced': [
      'broker/obtain/memory.ts: if (!isTold && !isSameToken(result.value.token, token)) await invalidate(demand, key, token); → ',
      "broker/obtain/memory.ts: if (verdict === 'dead') await invalidate(demand, key, token); → ",
    ],
  },
  'introspection tells a token that is dead, and one that is not': {
    'keeps for long what introspection said':
      'broker/introspection/introspect.ts: plus(now, introspectionCacheMs) → plus(now, 10 * introspectionCacheMs)',
    'believes the first "inactive"':
      'broker/introspection/introspect.ts: if (holding === undefined && !wasActive) return first; → return first;',
  },
  'a dead token that a caller sends back is replaced': {
    'does not listen to callers':
      'broker/introspection/doubts.ts: if (isRecent(last.get(key), now)) return false; → return false;',
  },
  'no secret comes out': {
    'logs the token itself': 'http/log.ts: fingerprintOf(obtained.token)) → obtained.token.accessToken.reveal())',
  },
};

const ROTATION: Mutants<keyof typeof OF_ROTATION> = {
  'no caller fails': {
    'believes that what it knows is current':
      'broker/credentials/attempt.ts: const current = await credentials.reread(secret, held.id); → const current = ok(held);',
  },
  'the keys of AWSCURRENT and AWSPREVIOUS are at ZITADEL': {
    'removes keys that versions name': 'broker/rotation/removable.ts:  || named.has(keyId) → ',
    "removes the keys of another stage's rotation":
      'broker/rotation/removable.ts: found?.secret !== mark.secret → found === undefined',
    'makes a key current without looking whether ZITADEL has it': [
      'broker/rotation/finish.ts: if (!known.value) return → if (keyId === undefined) return',
      'broker/rotation/steps.ts: if (!known.value) return → if (keyId === undefined) return',
      'broker/rotation/trial.ts: if (passed.ok) break; → break;',
    ],
  },
  'only keys that rotation made for this secret are removed': {
    'removes keys whoever made them':
      'broker/rotation/removable.ts: expiry === undefined ? undefined : readMark(expiry) → mark',
  },
  'one token request for each key and refresh window, and one more for each changed credential': {
    'takes a row of another credential for none':
      "broker/obtain/renewal.ts: reading.kind === 'foreign' && !isReread) → reading.kind === 'none')",
  },
  'a rotation leaves no key but those of AWSCURRENT and AWSPREVIOUS and of the operator, and AWSPENDING nowhere else': {
    'leaves the keys that it has replaced':
      'broker/rotation/removable.ts: unneeded(key, removal) !== undefined) → unneeded(key, removal) === null)',
  },
  'a rotation makes no version current that was so before': {
    'leaves AWSPENDING on the version that is current':
      "broker/rotation/finish.ts: if (holderOf(listed.value, 'AWSPENDING') === token) → if (holderOf(listed.value, 'AWSPENDING') === '')",
    'believes a step that comes late':
      "broker/rotation/finish.ts: if (currentId !== token && holderOf(listed.value, 'AWSPENDING') !== token) → if (currentId === '' && holderOf(listed.value, 'AWSPENDING') !== token)",
  },
  'a rotation finishes, unless faults or an operator disturb it': {
    'leaves AWSPENDING on a version whose key is gone':
      "broker/rotation/create.ts: await versions.move(secret, 'AWSPENDING', { from: token }) → ok(undefined)",
    'fails if another step has stored its key first':
      'broker/rotation/create.ts: if (stored.value !== undefined) return → if (stored.value === null) return',
  },
  'a dry run passes, and changes nothing': {
    'fails if nothing is pending':
      "broker/rotation/steps.ts: const credential = pending ?? current; → const credential = pending ?? current;\n    if (pending === undefined) return fail({ detail: 'nothing is pending' });",
  },
  'no private key comes out': {
    'logs the key that it has made':
      'broker/rotation/create.ts: ok({ keyId, isNew: true, removed }) → ok({ keyId: text.reveal(), isNew: true, removed })',
  },
  'nothing is thrown that nobody expects': {
    'throws what it should report':
      "broker/rotation/create.ts: if (holderOf(listed, 'AWSPENDING') !== token) { → if (holderOf(listed, 'AWSPENDING') !== token) {\n      throw new Error('AWSPENDING');",
  },
};

/** A mutant: the history that finds it out is one of this world. */
export interface Mutant {
  readonly only: WorldName;
  readonly breaks: string;
  readonly name: string;
  readonly changes: readonly string[];
}

/** All mutants, one at least for each promise. */
export const MUTANTS: readonly Mutant[] = Object.entries({ broker: BROKER, rotation: ROTATION }).flatMap(
  ([world, promises]) =>
    Object.entries(promises).flatMap(([breaks, mutants]) =>
      Object.entries(mutants).map(([name, changes]) => ({
        only: world as WorldName,
        breaks,
        name,
        changes: [changes].flat(),
      })),
    ),
);

/**
 * The first of the 2,000 histories that finds a mutant, where many come before it, by the mutant's name. The earlier ones
 * find nothing and are not played. A change of the broker may move it: then later ones find the mutant, or this number falls.
 */
export const FOUND_AT: Readonly<Record<string, number>> = {
  'asks again whatever has failed, and remembers nothing': 1399,
  'waits without an end': 135,
  'hands out what a caller has had exchanged, whatever became of it': 192,
  'does not listen to callers': 288,
  'believes every caller': 1542,
  'keeps for long what introspection said': 968,
  'stores tokens by a clock that is ahead': 345,
  'believes that what it knows is current': 204,
  'leaves AWSPENDING on the version that is current': 342,
  'believes a step that comes late': 208,
  'fails if nothing is pending': 114,
  'fails if another step has stored its key first': 61,
  'limits all callers together': 653,
  'makes a key current without looking whether ZITADEL has it': 28,
  'takes a row of another credential for none': 19,
  'believes a failure for as long as a row says': 17,
  'takes no notice of a flush': 19,
};
