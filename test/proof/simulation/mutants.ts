/** A fault of the broker's own, made on purpose: texts of its source, each of which stands there once. */
export interface Mutant {
  readonly name: string;
  /** The promise that it breaks, as the invariant is named. */
  readonly breaks: string;
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const mutant = (
  name: string,
  breaks: string,
  ...changes: readonly (readonly [file: string, from: string, to: string])[]
): Mutant => ({
  name,
  breaks,
  changes: changes.map(([file, from, to]) => ({ file: `lib/${file}`, from, to })),
});

/** One mutant at least for each promise. */
export const MUTANTS: readonly Mutant[] = [
  mutant('hands out what is nearly over', 'a token that is handed out has 5 s left', [
    'broker/obtain/entry.ts',
    'if (token === undefined || token.expiresAt - now < LEAST_LEFT_MS) return fail(error);',
    'if (token === undefined || token.expiresAt - now < 0) return fail(error);',
  ]),
  mutant(
    'lets callers wait for no renewal',
    'a token that is handed out has its minimum left, or its renewal has failed',
    ['broker/token/freshness.ts', "return 'last_resort';", "return 'due';"],
  ),
  mutant('leaves the scopes out of the key', 'a token is handed out only for what it was obtained for', [
    'broker/token/demand.ts',
    "revocation?.secret ?? '', ...scopes]",
    "revocation?.secret ?? '']",
  ]),
  mutant('looks at nobody', 'strangers get 403, and only they', [
    'broker/profiles/policy.ts',
    'callersFor(profile, use).some((pattern) => matchesRole(pattern, principal))',
    'true',
  ]),
  mutant(
    'takes a lease that another holds',
    'one token request for each key and refresh window, and one more for each cause',
    ['broker/obtain/reading.ts', 'leased: isLeased(row, now)', 'leased: false && isLeased(row, now)'],
  ),
  mutant(
    'requests a token although there is one',
    'one token request for each key and refresh window, and one more for each cause',
    ['broker/obtain/reading.ts', "if (state === 'fresh') return 'serve';", ''],
  ),
  mutant(
    'forgets what it has obtained',
    'one token request for each key and refresh window, and one more for each cause',
    [
      'broker/obtain/leased.ts',
      'const storeFault = await store(demand, key, lease, issued.value);',
      'const storeFault = lease.until > 0 ? undefined : await store(demand, key, lease, issued.value);',
    ],
  ),
  mutant('forgets the count of leases', 'a generation never goes back', [
    'broker/store/lease.ts',
    'remove: [...LEASE_FIELDS, ...FAILURE_FIELDS],\n  condition',
    "remove: [...LEASE_FIELDS, ...FAILURE_FIELDS, 'generation'],\n  condition",
  ]),
  mutant(
    'asks again whatever has failed, and remembers nothing',
    'an outage is not made worse',
    [
      'broker/credentials/attempt.ts',
      'if (first.ok || first.error.credential === undefined) return first;',
      'if (first.ok) return first;',
    ],
    ['broker/store/failure.ts', '  now < failure.until &&\n', '  now < 0 &&\n'],
    [
      'broker/credentials/outages.ts',
      'if (state !== undefined && now < state.until) return state;',
      'return undefined;',
    ],
    [
      'broker/obtain/renewal.ts',
      'const outage = outages.standing(issuer);',
      'const outage = outages.standing(issuer.slice(1));',
    ],
  ),
  mutant('waits without an end', 'every request ends within its deadline', [
    'broker/obtain/memory.ts',
    'within(clock, leftMs - ANSWER_MS, begun.promise)',
    'within(clock, 3_600_000, begun.promise)',
  ]),
  mutant('holds a grudge', 'without faults, and soon after them, all is well', [
    'broker/store/failure.ts',
    'export const LONGEST_PAUSE_MS = 30 * SECOND_MS;',
    'export const LONGEST_PAUSE_MS = 600 * SECOND_MS;',
  ]),
  mutant('looks for notices too seldom', 'a token that died early is not handed out after a minute', [
    'broker/store/bulletin.ts',
    'const LOOK_EVERY_MS = 50 * SECOND_MS;',
    'const LOOK_EVERY_MS = 5000 * SECOND_MS;',
  ]),
  mutant('hands out what a dead token was exchanged for', 'a token that died early is not handed out after a minute', [
    'broker/store/bulletin.ts',
    '[tokenDigest(token.accessToken), ...(token.madeFrom ?? [])]',
    '[tokenDigest(token.accessToken)]',
  ]),
  mutant(
    'hands out what a caller has had exchanged, whatever became of it',
    'a token that died early is not handed out after a minute',
    ['broker/exchange/exchange.ts', '!bulletin.isKnownDead(exchanged.subjectToken);', 'true;'],
  ),
  mutant('takes no notice of a flush', 'a token that died early is not handed out after a minute', [
    'broker/store/notices.ts',
    'linkAt < at && at <= plus(now, CLOCK_SKEW_MS)',
    'linkAt < 0 && at <= plus(now, CLOCK_SKEW_MS)',
  ]),
  mutant(
    'tells nobody that a token was replaced',
    'a token that died early is not handed out after a minute',
    [
      'broker/obtain/memory.ts',
      'if (!isTold && !isSameToken(result.value.token, token)) await invalidate(demand, key, token);',
      '',
    ],
    ['broker/obtain/memory.ts', "if (verdict === 'dead') await invalidate(demand, key, token);", ''],
  ),
  mutant('does not listen to callers', 'a dead token that a caller sends back is replaced', [
    'broker/introspection/doubts.ts',
    'if (isRecent(last.get(key), now)) return false;',
    'return false;',
  ]),
  mutant('believes every caller', 'one token request for each key and refresh window, and one more for each cause', [
    'broker/introspection/doubts.ts',
    'at !== undefined && now < at + DOUBT_EVERY_MS &&',
    'at !== undefined && now < 0 &&',
  ]),
  mutant('keeps for long what introspection said', 'introspection tells a token that is dead, and one that is not', [
    'broker/introspection/introspect.ts',
    'plus(now, introspectionCacheMs)',
    'plus(now, 10 * introspectionCacheMs)',
  ]),
  mutant('believes the first "inactive"', 'introspection tells a token that is dead, and one that is not', [
    'broker/introspection/introspect.ts',
    'if (holding === undefined && !wasActive) return first;',
    'return first;',
  ]),
  mutant(
    'believes the age of a token that was stored',
    'a token that is handed out is no older than its profile allows',
    [
      'broker/token/freshness.ts',
      'if (maxAgeMs === undefined || expiresAt - obtainedAt <= maxAgeMs) return token;',
      'return token;',
    ],
  ),
  mutant('names no audience', 'an exchanged token has no audience that its profile does not grant', [
    'zitadel/token-request.ts',
    'audience: audiences,',
    'audience: [],',
  ]),
  mutant('stores tokens by a clock that is ahead', 'a token that is handed out has 5 s left', [
    'broker/obtain/leased.ts',
    'shiftToken(token, -table.aheadMs())',
    'shiftToken(token, 0 * table.aheadMs())',
  ]),
  mutant('waits for as long as a row says', 'without faults, and soon after them, all is well', [
    'broker/store/lease.ts',
    'leaseUntil <= now + LEASE_MS + CLOCK_SKEW_MS;',
    'leaseUntil > 0;',
  ]),
  mutant('believes a failure for as long as a row says', 'without faults, and soon after them, all is well', [
    'broker/store/failure.ts',
    'failure.until <= now + LONGEST_PAUSE_MS + CLOCK_SKEW_MS &&',
    'failure.until > 0 &&',
  ]),
  mutant('logs the token itself', 'no secret comes out', [
    'http/log.ts',
    'fingerprintOf(obtained.token),',
    'obtained.token.accessToken.reveal(),',
  ]),
];

/**
 * The first of the 2,000 histories that finds a mutant, where many come before it, by the mutant's name. The earlier ones
 * find nothing and are not played. A change of the broker may move it: then later ones find the mutant, or this number falls.
 */
export const FOUND_AT: Readonly<Record<string, number>> = {
  'asks again whatever has failed, and remembers nothing': 1092,
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
};
