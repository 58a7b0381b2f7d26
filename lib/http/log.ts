import type { Expiring } from '../broker/credentials/expiries.ts';
import { COSTS, type Degradation } from '../broker/credentials/health.ts';
import type { Rejected } from '../broker/introspection/doubts.ts';
import type { Prewarmed } from '../broker/obtain/prewarm.ts';
import type { Obtained } from '../broker/obtain/renewal.ts';
import { nameOf, type Principal } from '../broker/profiles/caller.ts';
import type { RotationFault } from '../broker/rotation/rotated-key.ts';
import type { StepDone } from '../broker/rotation/run.ts';
import type { Token } from '../broker/token/freshness.ts';
import { fingerprint } from '../core/digest.ts';
import type { BrokerError, Dependency } from '../core/error.ts';
import { loggable } from '../core/redacted.ts';
import { type EpochMs, MINUTE_MS, plus, secondsUntil } from '../core/time.ts';
import { canonicalToken } from '../zitadel/token-identity.ts';
import { type Bug, describeBug } from './bug.ts';

/** An allow-list of what a log line may contain. It includes no header, body, event, stack or `cause`. */
export interface RequestRecord {
  readonly at: EpochMs;
  readonly requestId: string;
  /** The root of the caller's trace (AWS X-Ray), if it sent one. */
  readonly trace?: string;
  readonly route: string;
  /** As in the path, if it is a valid name. */
  readonly profile: string;
  readonly caller?: Principal;
  readonly status: number;
  readonly durationMs: number;
  readonly obtained?: Pick<Obtained, 'token' | 'source' | 'failure'> & { readonly rejected?: Rejected };
  /** The number of tokens obtained from ZITADEL since the previous line: each is reported once. */
  readonly issued?: number;
  /** The ids of the keys that token requests used since the previous line. */
  readonly keyIds?: readonly string[];
  /** The caller waited until there was a token. */
  readonly hasWaited?: boolean;
  /** The unavailable dependencies, as the sandbox last saw them. */
  readonly degraded?: readonly Degradation[];
  /** Of the credentials that were read since the previous line, the first to end. */
  readonly expiring?: Expiring;
  /** The profile's issuer, once the caller may use the profile; outages of other issuers are left out. */
  readonly issuer?: string;
  /** The result of introspection, and its source. */
  readonly introspected?: { readonly isActive: boolean; readonly source: 'memory' | 'zitadel' };
  /** The fingerprint of the token to introspect or revoke. */
  readonly seen?: string;
  /** The caller sent a client secret, which the broker ignores: one that should be cleaned up. */
  readonly isClientSecretSent?: true;
  readonly error?: BrokerError;
  /** The name and place of what was thrown, never its message. */
  readonly bug?: Bug;
}

/** The result of one scheduled run. */
export interface PrewarmRecord {
  readonly at: EpochMs;
  readonly durationMs: number;
  readonly results: readonly Prewarmed[];
  readonly issued: number;
  /** As in `RequestRecord`. */
  readonly keyIds: readonly string[];
  readonly degraded: readonly Degradation[];
  readonly expiring?: Expiring | undefined;
}

/** One step of the rotation of a key. */
export interface RotationRecord {
  readonly at: EpochMs;
  readonly durationMs: number;
  /** Of Secrets Manager, if the event is one of its. */
  readonly step?: string;
  readonly secret?: string;
  readonly done?: StepDone;
  /** Why the step failed; Secrets Manager tries it again. */
  readonly failure?: RotationFault;
  readonly bug?: Bug;
}

/** Counts that CloudWatch extracts from the line (Embedded Metric Format). */
type Metrics = Readonly<Record<string, number>>;

/** Writes log lines of one JSON object each. */
export interface Log {
  readonly request: (record: RequestRecord) => void;
  readonly prewarm: (record: PrewarmRecord) => void;
  readonly rotation: (record: RotationRecord) => void;
  /** A secret whose members had invisible characters at their ends: it works, but should be cleaned up. */
  readonly trimmed: (record: { at: EpochMs; secret: string; members: readonly string[] }) => void;
}

const fingerprints = new WeakMap<Token, string>();

/** The fingerprint of a token that is handed out; computed once per token. */
function fingerprintOf(token: Token): string {
  const known = fingerprints.get(token);
  if (known !== undefined) return known;
  const made = fingerprint(canonicalToken(token.accessToken.reveal()));
  fingerprints.set(token, made);
  return made;
}

/** A request served despite a failed renewal or an outage is `warn`, so that operators see it before callers do. */
function levelOf({ status, obtained, degraded = [] }: RequestRecord): string {
  if (status >= 500) return 'error';
  return status >= 400 || obtained?.failure !== undefined || degraded.length > 0 ? 'warn' : 'info';
}

function refusals(error: BrokerError | undefined): Record<string, number> {
  switch (error?.kind) {
    case 'credential_refused':
    case 'credential_unusable':
      return { CredentialRefused: 1 };
    case 'caller_throttled':
      return { CallerThrottled: 1 };
    default:
      return {};
  }
}

const AWAY_METRICS = { table: 'TableAway', secrets: 'SecretsAway', zitadel: 'ZitadelAway' } as const;

const AWAY_BY_DEPENDENCY: Readonly<Record<Dependency, string>> = {
  dynamodb: AWAY_METRICS.table,
  'secrets-manager': AWAY_METRICS.secrets,
  zitadel: AWAY_METRICS.zitadel,
  issuer: 'IssuerAway',
};

/** What an error says is away, even if this sandbox has not called it: another one may have told of the outage. */
const missed = (error: BrokerError | undefined): Metrics =>
  error?.kind === 'unavailable' ? { [AWAY_BY_DEPENDENCY[error.dependency]]: 1 } : {};

const awayMetrics = (degraded: readonly Degradation[]): Metrics =>
  Object.fromEntries(degraded.map(({ what }) => [AWAY_METRICS[what], 1]));

const expiryMetrics = (expiring: Expiring | undefined): Metrics =>
  expiring === undefined ? {} : { CredentialDaysLeft: expiring.daysLeft };

/** The alarm on the days left waits for this; the line says which secret it is. */
const FEW_DAYS = 14;

const describeExpiring = (expiring: Expiring | undefined): { expiring?: string } =>
  expiring !== undefined && expiring.daysLeft < FEW_DAYS ? { expiring: expiring.secret } : {};

/** The promise to callers: a token has at least this left, or this share of its life, whichever is less. */
const LEAST_SERVED = { leftMs: MINUTE_MS, share: 0.25 };

/** Where a token came from, what it has left when it is handed out, and whether that is less than promised. */
function servedMetrics(
  { at, durationMs }: RequestRecord,
  { token: { obtainedAt, expiresAt }, source }: NonNullable<RequestRecord['obtained']>,
): Record<string, number> {
  const now = plus(at, durationMs);
  const SecondsLeft = secondsUntil(expiresAt, now);
  const served: Record<string, number> = source === 'issued' ? { SecondsLeft } : { Hits: 1, SecondsLeft };
  const promisedMs = Math.min(LEAST_SERVED.leftMs, (expiresAt - obtainedAt) * LEAST_SERVED.share);
  if (expiresAt - now < promisedMs) served.LastResort = 1;
  return served;
}

function outcomeMetrics(record: RequestRecord): Record<string, number> {
  const { obtained, error, bug } = record;
  if (bug !== undefined) return { Bugs: 1 };
  if (obtained === undefined) {
    return error?.kind === 'unavailable' ? { Unavailable: 1, ...missed(error) } : refusals(error);
  }
  const served = servedMetrics(record, obtained);
  if (obtained.failure === undefined) return served;
  const { error: why } = obtained.failure;
  return { ...served, RenewalsFailed: 1, ...refusals(why), ...missed(why) };
}

/** Every request passes here: nothing is copied that need not be. */
function requestMetrics(record: RequestRecord): Metrics {
  const metrics: Record<string, number> = outcomeMetrics(record);
  if (record.status >= 500 && record.route === 'token') metrics.ServerErrors = 1;
  if (record.hasWaited) metrics.Waits = 1;
  if (record.issued) metrics.TokenRequests = record.issued;
  if (record.degraded?.length) Object.assign(metrics, awayMetrics(record.degraded));
  if (record.expiring !== undefined) Object.assign(metrics, expiryMetrics(record.expiring));
  return metrics;
}

/** The ids of keys as one text; nothing if only client secrets were used, or nothing was requested. */
const describeKeys = (keyIds: readonly string[] = []): string | undefined =>
  keyIds.length === 0 ? undefined : keyIds.join(' ');

const describe = (error: BrokerError) => ({
  kind: error.kind,
  ...('dependency' in error ? { dependency: error.dependency } : {}),
  detail: error.detail,
});

/** The unavailable dependencies, since when, and their effect; empty if there are none. */
const describeDegraded = (degraded: readonly Degradation[] = []) =>
  degraded.length === 0
    ? {}
    : {
        degraded: degraded.map(({ what }) => what),
        away: degraded.map(({ what, since, detail }) => ({
          dependency: what,
          detail,
          since: new Date(since).toISOString(),
          cost: COSTS[what],
        })),
      };

/** A set of metrics in their order. Sets are found by their members: joining names for each line takes longer. */
interface Shape {
  readonly names: readonly string[];
  readonly with: (name: string) => Shape;
  /** As JSON, once it was used. */
  definition?: string;
}

function createShape(names: readonly string[]): Shape {
  const more = new Map<string, Shape>();
  return {
    names,
    with(name) {
      const known = more.get(name);
      if (known !== undefined) return known;
      const made = createShape([...names, name]);
      more.set(name, made);
      return made;
    },
  };
}

/** Texts that are their own JSON, as nearly all in a line are. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/;

/** A member of a line that is a text, if there is one. Every request writes some: JSON.stringify takes longer. */
const member = (name: string, text: string | undefined): string =>
  text === undefined ? '' : `,"${name}":${PLAIN_TEXT.test(text) ? `"${text}"` : JSON.stringify(text)}`;

/** The other members of a line, each with a comma before it. */
function members(fields: object): string {
  const json = JSON.stringify(fields).slice(1, -1);
  return json === '' ? '' : `,${json}`;
}

/** What few lines have. */
function describeRare(record: RequestRecord, cold: true | undefined): string {
  const { obtained, introspected, error, bug, degraded = [], expiring, keyIds, isClientSecretSent } = record;
  const failure = obtained?.failure;
  const isIrrevocable = obtained?.token.isIrrevocable;
  const isUsual =
    (failure ?? introspected ?? error ?? bug ?? expiring ?? keyIds ?? obtained?.rejected) === undefined &&
    !(degraded.length > 0 || isIrrevocable || isClientSecretSent || cold);
  if (isUsual) return '';
  return members({
    active: introspected?.isActive,
    // The token is handed out although its renewal failed.
    renewal: failure === undefined ? undefined : describe(failure.error),
    // The outcome for a token that the caller reported as refused.
    rejected: obtained?.rejected,
    // The revoking application's client id could not be read when the token was obtained.
    revocable: isIrrevocable ? false : undefined,
    client_secret_sent: isClientSecretSent,
    ...describeDegraded(degraded),
    ...describeExpiring(expiring),
    error: error === undefined ? undefined : describe(error),
    bug: bug?.name,
    at: bug?.at,
    kid: describeKeys(keyIds),
    cold,
  });
}

/**
 * The most that the line of a run lists, so that it stays below the 256 kB that CloudWatch takes as one event: with a
 * thousand failures, names and kinds of all, and details of the first. Failures come first; the metrics count all.
 */
const MOST_LISTED = { names: 1_000, details: 100, detailLength: 300 };

export interface LogOptions {
  /** Whether metrics of requests are counted for each profile as well. */
  readonly isByProfile?: boolean;
}

/**
 * Creates the log.
 * @param namespace of the metrics
 * @param write takes a line without its line break
 */
export function createLog(
  namespace: string,
  write: (line: string) => void,
  { isByProfile = false }: LogOptions = {},
): Log {
  /** The CloudWatch definitions of the sets of metrics: there are few, and most lines use the same. */
  const shapes = { whole: createShape([]), byProfile: createShape([]) };
  let isCold = true;

  function define({ names }: Shape, set: keyof typeof shapes): string {
    const Metrics = names.map((Name) => ({ Name }));
    const Dimensions = set === 'whole' ? [[]] : [[], ['profile']];
    return JSON.stringify([{ Namespace: namespace, Dimensions, Metrics }]);
  }

  /** @param fields an object, or members with a comma before each */
  function emit(at: EpochMs, metrics: Metrics, fields: object | string, set: keyof typeof shapes = 'whole'): void {
    let shape = shapes[set];
    let values = '';
    for (const name of Object.keys(metrics)) {
      shape = shape.with(name);
      values += `,"${name}":${metrics[name]}`;
    }
    // CloudWatch would report a metric line without metrics as malformed.
    if (values !== '') shape.definition ??= define(shape, set);
    const head = values === '' ? `"time":${at}` : `"_aws":{"Timestamp":${at},"CloudWatchMetrics":${shape.definition}}`;
    write(`{${head}${typeof fields === 'string' ? fields : members(fields)}${values}}`);
  }

  /** Whether this is the first line of a sandbox about a request or a run. */
  function takeCold(): true | undefined {
    const taken = isCold || undefined;
    isCold = false;
    return taken;
  }

  return {
    request(record) {
      const { at, requestId, route, profile, caller, status, durationMs, obtained, introspected, trace } = record;
      // Only of profiles that the caller may use: names in paths must not become dimensions.
      const set = isByProfile && record.issuer !== undefined ? 'byProfile' : 'whole';
      const fields =
        `,"level":"${levelOf(record)}","route":"${route}"` +
        member('profile', profile) +
        member('caller', caller === undefined ? undefined : nameOf(caller)) +
        `,"status":${status},"ms":${durationMs}` +
        member('source', obtained?.source ?? introspected?.source) +
        member('token', obtained === undefined ? record.seen : fingerprintOf(obtained.token)) +
        describeRare(record, takeCold()) +
        member('trace', trace) +
        member('id', requestId);
      emit(at, requestMetrics(record), fields, set);
    },
    trimmed({ at, secret, members: names }) {
      const advice = 'invisible characters at the ends of these members were ignored; store the secret without them';
      const trimmed = names.map((name) => loggable(name));
      emit(at, {}, { level: 'warn', secret, trimmed, advice });
    },
    rotation({ at, durationMs, step, secret, done, failure, bug }) {
      const isFailed = done === undefined;
      const failed = isFailed ? { RotationsFailed: 1 } : {};
      emit(at, bug === undefined ? failed : { ...failed, Bugs: 1 }, {
        level: isFailed ? 'error' : done.left === undefined ? 'info' : 'warn',
        route: 'rotate',
        step,
        secret,
        ms: durationMs,
        key: done?.keyId,
        added: done?.isNew,
        dry_run: done?.isDryRun,
        removed: done?.removed,
        // Keys that are no longer needed, and why they are still there.
        left: done?.left,
        error: failure?.detail,
        bug: bug?.name,
        at: bug?.at,
      });
    },
    prewarm({ at, durationMs, results, issued, keyIds, degraded, expiring }) {
      const failed = results.filter(({ outcome }) => outcome === 'failed');
      const others = results.filter(({ outcome }) => outcome !== 'failed');
      const listed = [...failed, ...others].slice(0, MOST_LISTED.names);
      const named = (wanted: Prewarmed['outcome']) =>
        listed.filter(({ outcome }) => outcome === wanted).map(({ profile }) => profile);
      const postponed = named('postponed');
      const bugs = failed.filter((result) => 'bug' in result).length;
      emit(
        at,
        {
          Renewed: others.filter(({ outcome }) => outcome === 'renewed').length,
          PrewarmFailed: failed.length,
          ...(failed.length > 0 ? { RenewalsFailed: failed.length } : {}),
          ...(bugs > 0 ? { Bugs: bugs } : {}),
          ...(issued > 0 ? { TokenRequests: issued } : {}),
          ...Object.assign({}, ...failed.map(({ error }) => ({ ...refusals(error), ...missed(error) }))),
          ...awayMetrics(degraded),
          ...expiryMetrics(expiring),
        },
        {
          level: failed.length > 0 ? 'error' : postponed.length > 0 ? 'warn' : 'info',
          route: 'prewarm',
          ms: durationMs,
          renewed: named('renewed'),
          kept: named('kept'),
          postponed: postponed.length === 0 ? undefined : postponed,
          failed: failed.slice(0, MOST_LISTED.names).map(({ profile, error, ...rest }, index) => {
            if (index >= MOST_LISTED.details) return { profile, kind: error?.kind };
            const bug = 'bug' in rest ? describeBug(rest.bug) : undefined;
            const described = error === undefined ? {} : describe(error);
            const detail = error?.detail.slice(0, MOST_LISTED.detailLength);
            return { profile, ...described, detail, bug: bug?.name, at: bug?.at };
          }),
          ...describeDegraded(degraded),
          ...describeExpiring(expiring),
          kid: describeKeys(keyIds.slice(0, MOST_LISTED.names)),
          cold: takeCold(),
        },
      );
    },
  };
}
