import type { Redacted } from '../../core/redacted.ts';
import { type EpochMs, instant, plus } from '../../core/time.ts';
import { LONGEST_LIFE_MS } from '../../oauth/token-response.ts';
import { tokenDigest } from '../../zitadel/token-identity.ts';
import { type CallerPattern, matchesCaller, type Principal, parseCallerPattern } from '../profiles/caller.ts';
import type { Holding } from './holdings.ts';
import { CLOCK_SKEW_MS } from './lease.ts';

/** One thing that every sandbox must know. `*` means every profile, or every caller. */
export type Notice =
  /** A token died early, or may no longer be handed out; `profile` is the one that holds it. */
  | { readonly kind: 'token'; readonly digest: string; readonly profile: string; readonly until: EpochMs }
  /** All tokens that a profile obtained before an instant are void. */
  | { readonly kind: 'before'; readonly profile: string; readonly at: EpochMs }
  /**
   * A caller is blocked from a profile; `caller` is the ARN of its role as a profile would list it, or a workload as the
   * log names it.
   */
  | { readonly kind: 'block'; readonly profile: string; readonly caller: string }
  /** An issuer, by its digest, does not answer, so other sandboxes need not find out themselves. */
  | { readonly kind: 'away'; readonly issuer: string; readonly until: EpochMs };

export const ALL = '*';

/** The notice that a token died early, or may no longer be handed out. */
export const tokenNotice = (token: Redacted<string>, { profile, until }: Holding): Notice => ({
  kind: 'token',
  digest: tokenDigest(token),
  profile,
  until,
});

/** A notice as stored in the table: words separated by single spaces. */
export function writeNotice(notice: Notice): string {
  switch (notice.kind) {
    case 'token':
      return `token ${notice.digest} ${notice.profile} ${notice.until}`;
    case 'before':
      return `before ${notice.profile} ${notice.at}`;
    case 'block':
      return `block ${notice.profile} ${notice.caller}`;
    case 'away':
      return `away ${notice.issuer} ${notice.until}`;
  }
}

const isInstant = (text: string): boolean => /^\d{1,15}$/.test(text);

/** Parses a notice; `undefined` if the text is not one. */
export function readNotice(text: string): Notice | undefined {
  const [kind, first = '', second = '', third = '', ...rest] = text.split(' ');
  if (first === '' || second === '' || rest.length > 0) return undefined;
  if (kind === 'token' && isInstant(third))
    return { kind, digest: first, profile: second, until: instant(Number(third)) };
  if (third !== '') return undefined;
  if (kind === 'before' && isInstant(second)) return { kind, profile: first, at: instant(Number(second)) };
  if (kind === 'away' && isInstant(second)) return { kind, issuer: first, until: instant(Number(second)) };
  if (kind === 'block' && (second === ALL || parseCallerPattern(second).ok))
    return { kind, profile: first, caller: second };
  return undefined;
}

/** A notice whose instant is moved; any other text stays. */
export function shiftNotice(text: string, byMs: number): string {
  const notice = readNotice(text);
  if (notice === undefined || notice.kind === 'block') return text;
  const moved = notice.kind === 'before' ? { at: plus(notice.at, byMs) } : { until: plus(notice.until, byMs) };
  return writeNotice({ ...notice, ...moved } as Notice);
}

/** Notices, indexed for look-up. */
export interface Notices {
  /** Whether there are no notices, which is the usual case. */
  readonly isEmpty: boolean;
  /** By the token's digest. */
  readonly tokens: ReadonlySet<string>;
  /** By the profile's name. */
  readonly before: ReadonlyMap<string, readonly EpochMs[]>;
  readonly blocks: ReadonlyMap<string, readonly (CallerPattern | typeof ALL)[]>;
  /** By the issuer's digest. */
  readonly away: ReadonlyMap<string, EpochMs>;
}

/** Indexes notices; skips texts that are not notices. */
export function compileNotices(texts: Iterable<string>): Notices {
  const tokens = new Set<string>();
  const before = new Map<string, EpochMs[]>();
  const blocks = new Map<string, (CallerPattern | typeof ALL)[]>();
  const away = new Map<string, EpochMs>();
  const push = <T>(map: Map<string, T[]>, key: string, value: T) => {
    map.set(key, [...(map.get(key) ?? []), value]);
  };
  let isEmpty = true;
  for (const text of texts) {
    const notice = readNotice(text);
    if (notice === undefined) continue;
    isEmpty = false;
    if (notice.kind === 'token') tokens.add(notice.digest);
    else if (notice.kind === 'before') push(before, notice.profile, notice.at);
    else if (notice.kind === 'away') {
      away.set(notice.issuer, Math.max(away.get(notice.issuer) ?? 0, notice.until) as EpochMs);
    } else if (notice.caller === ALL) push(blocks, notice.profile, ALL);
    else {
      const pattern = parseCallerPattern(notice.caller);
      if (pattern.ok) push(blocks, notice.profile, pattern.value);
    }
  }
  return { isEmpty, tokens, before, blocks, away };
}

/** The facts that decide whether a token is void. */
export interface Suspect {
  /** The digests of the token and of those that it was exchanged from. */
  readonly digests: readonly string[];
  /** When each of them was obtained, as far as known; the token itself comes first. */
  readonly obtainedAt: readonly EpochMs[];
  /** The profile and its chain of subjects, in the same order. */
  readonly profiles: readonly string[];
}

/**
 * Whether a token may no longer be handed out. A `before` instant in the future, by the reader's clock, is ignored:
 * one far in the future would void every token obtained until then.
 */
export function isVoid({ tokens, before }: Notices, { digests, obtainedAt, profiles }: Suspect, now: EpochMs): boolean {
  if (digests.some((digest) => tokens.has(digest))) return true;
  const [own = instant(0)] = obtainedAt;
  return profiles.some((profile, link) => {
    const linkAt = obtainedAt[link] ?? own;
    return [ALL, profile].some((name) => before.get(name)?.some((at) => linkAt < at && at <= plus(now, CLOCK_SKEW_MS)));
  });
}

/** Whether a caller is blocked from a profile. */
export const isBlocked = ({ blocks }: Notices, profile: string, caller: Principal): boolean =>
  [ALL, profile].some((name) => blocks.get(name)?.some((pattern) => pattern === ALL || matchesCaller(pattern, caller)));

/** The most tokens in the list, so that the row stays small and cheap to read. */
export const MOST_TOKENS = 500;

/**
 * Whether a notice is no longer needed. That of a token is kept for the longest life of a token after its end: a token
 * that was exchanged from it may live that much longer.
 */
export function isOver(notice: Notice, now: EpochMs): boolean {
  switch (notice.kind) {
    case 'token':
      return plus(notice.until, LONGEST_LIFE_MS) < now;
    case 'before':
      return plus(notice.at, LONGEST_LIFE_MS) < now;
    case 'away':
      return notice.until < now;
    case 'block':
      return false;
  }
}

/** The notices to add and to remove so that the list stays short. */
export interface Tidying {
  readonly add: readonly Notice[];
  readonly remove: readonly string[];
}

/**
 * Tidies the list: removes expired notices, and texts that are not notices. If too many tokens are left, it replaces
 * those of the profile with the most by one `before` notice, which costs one more token request per token.
 */
export function tidy(texts: readonly string[], now: EpochMs): Tidying {
  const read = texts.map((text) => ({ text, notice: readNotice(text) }));
  const latest = compileNotices(texts).before;
  const isUseless = (notice: Notice | undefined): boolean => {
    if (notice === undefined || isOver(notice, now)) return true;
    // A later notice covers it.
    return notice.kind === 'before' && latest.get(notice.profile)?.some((at) => notice.at < at && at <= now) === true;
  };
  const remove = read.filter(({ notice }) => isUseless(notice)).map(({ text }) => text);
  const listed = read.flatMap(({ text, notice }) =>
    notice?.kind === 'token' && !isUseless(notice) ? [{ text, profile: notice.profile }] : [],
  );
  if (listed.length <= MOST_TOKENS) return { add: [], remove };
  const [fullest = ALL] = [...Map.groupBy(listed, ({ profile }) => profile)]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([profile]) => profile);
  const merged = listed.filter(({ profile }) => profile === fullest).map(({ text }) => text);
  return { add: [{ kind: 'before', profile: fullest, at: now }], remove: [...remove, ...merged] };
}
