import type { Mutants } from '../runner/mutants.ts';
import type { PROMISES } from './world.ts';

export const BROKER_MUTANTS: Mutants<keyof typeof PROMISES> = {
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
