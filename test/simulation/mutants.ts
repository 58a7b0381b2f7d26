/** A fault of the broker's own, made on purpose: texts of its source, each of which stands there once. */
export interface Mutant {
  readonly name: string;
  /** The promise that it breaks, as the invariant is named. */
  readonly breaks: string;
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

const mutant = (
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
    'broker/tokens.ts',
    'if (token === undefined || token.expiresAt - clock.now() < LEAST_LEFT_MS) return fail(error);',
    'if (token === undefined || token.expiresAt - clock.now() < 0) return fail(error);',
  ]),
  mutant(
    'lets callers wait for no renewal',
    'a token that is handed out has its minimum left, or its renewal has failed',
    ['broker/freshness.ts', "return 'last_resort';", "return 'due';"],
  ),
  mutant('leaves the scopes out of the key', 'a token is handed out only for what it was earned for', [
    'broker/demand.ts',
    "revocation?.secret ?? '', ...scopes]",
    "revocation?.secret ?? '']",
  ]),
  mutant('looks at nobody', 'strangers get 403, and only they', [
    'broker/policy.ts',
    'callersFor(profile, use).some((pattern) => matchesRole(pattern, principal))',
    'true',
  ]),
  mutant(
    'takes a lease that another holds',
    'one exchange for each key and refresh window, and one more for each cause',
    ['broker/renewal.ts', 'leased: isLeased(known, now)', 'leased: false && isLeased(known, now)'],
  ),
  mutant(
    'earns a token although there is one',
    'one exchange for each key and refresh window, and one more for each cause',
    ['broker/renewal.ts', "if (state === 'fresh') return 'serve';", ''],
  ),
  mutant('forgets what it has earned', 'one exchange for each key and refresh window, and one more for each cause', [
    'broker/leased-earning.ts',
    'const storeFault = await store(demand, key, lease, earned.value);',
    'const storeFault = lease.until > 0 ? undefined : await store(demand, key, lease, earned.value);',
  ]),
  mutant('forgets the count of leases', 'a generation never goes back', [
    'broker/lease.ts',
    'remove: [...LEASE_FIELDS, ...FAILURE_FIELDS],\n  condition',
    "remove: [...LEASE_FIELDS, ...FAILURE_FIELDS, 'generation'],\n  condition",
  ]),
  mutant(
    'asks again whatever has failed, and remembers nothing',
    'an outage is not made worse',
    [
      'broker/refusals.ts',
      'if (first.ok || first.error.credential === undefined) return first;',
      'if (first.ok) return first;',
    ],
    ['broker/failure.ts', '  now < failure.until &&\n', '  now < 0 &&\n'],
    ['broker/outages.ts', 'if (state !== undefined && now < state.until) return state;', 'return undefined;'],
    [
      'broker/renewal.ts',
      'const outage = outages.standing(issuer);',
      'const outage = outages.standing(issuer.slice(1));',
    ],
  ),
  mutant('waits without an end', 'every request ends within its deadline', [
    'broker/tokens.ts',
    'within(clock, leftMs - ANSWER_MS, begun.promise)',
    'within(clock, 3_600_000, begun.promise)',
  ]),
  mutant('holds a grudge', 'without faults, and soon after them, all is well', [
    'broker/failure.ts',
    'export const LONGEST_PAUSE_MS = 30 * SECOND_MS;',
    'export const LONGEST_PAUSE_MS = 600 * SECOND_MS;',
  ]),
  mutant('looks for revocations too seldom', 'a revoked token is not handed out after a minute', [
    'broker/bulletin.ts',
    'const LOOK_EVERY_MS = 50 * SECOND_MS;',
    'const LOOK_EVERY_MS = 5000 * SECOND_MS;',
  ]),
  mutant('logs the token itself', 'no secret comes out', [
    'http/log.ts',
    'fingerprintOf(obtained.token),',
    'obtained.token.accessToken.reveal(),',
  ]),
];
