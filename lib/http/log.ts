import type { Expiring } from '../broker/credentials/expiries.ts';
import { COSTS, type Degradation } from '../broker/credentials/health.ts';
import type { Rejected } from '../broker/introspection/doubts.ts';
import type { Prewarmed } from '../broker/obtain/prewarm.ts';
import type { Obtained } from '../broker/obtain/renewal.ts';
import type { Principal } from '../broker/profiles/caller.ts';
import type { RotationFault } from '../broker/rotation/rotated-key.ts';
import type { StepDone } from '../broker/rotation/run.ts';
import type { Token } from '../broker/token/freshness.ts';
import { fingerprint } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import { loggable } from '../core/redacted.ts';
import type { EpochMs } from '../core/time.ts';
import { canonicalToken } from '../zitadel/token-identity.ts';
import { type Bug, describeBug } from './bug.ts';

/** An allow-list of what a log line may contain. It includes no header, body, event, stack or `cause`. */
export interface RequestRecord {
  readonly at: EpochMs;
  readonly requestId: string;
  readonly route: string;
  /** As in the path, if it is a valid name. */
  readonly profile: string;
  readonly caller?: Principal;
  readonly status: number;
  readonly durationMs: number;
  readonly obtained?: Pick<Obtained, 'token' | 'source' | 'failure'> & { readonly rejected?: Rejected };
  /** The number of tokens obtained from ZITADEL since the previous line: each is reported once. */
  readonly issued?: number;
  /** The unavailable dependencies, as the sandbox last saw them. */
  readonly degraded?: readonly Degradation[];
  /** Of the credentials that were read since the previous line, the first to end. */
  readonly expiring?: Expiring;
  /** The profile's issuer; outages of other issuers are left out. */
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

const refusals = (error: BrokerError | undefined): Metrics =>
  error?.kind === 'credential_refused' || error?.kind === 'credential_unusable' ? { CredentialRefused: 1 } : {};

const AWAY_METRICS = { table: 'TableAway', secrets: 'SecretsAway', zitadel: 'ZitadelAway' } as const;

const awayMetrics = (degraded: readonly Degradation[]): Metrics =>
  Object.fromEntries(degraded.map(({ what }) => [AWAY_METRICS[what], 1]));

const expiryMetrics = (expiring: Expiring | undefined): Metrics =>
  expiring === undefined ? {} : { CredentialDaysLeft: expiring.daysLeft };

/** The alarm on the days left waits for this; the line says which secret it is. */
const FEW_DAYS = 14;

const describeExpiring = (expiring: Expiring | undefined): { expiring?: string } =>
  expiring !== undefined && expiring.daysLeft < FEW_DAYS ? { expiring: expiring.secret } : {};

function outcomeMetrics({ obtained, error, bug }: RequestRecord): Metrics {
  if (bug !== undefined) return { Bugs: 1 };
  if (obtained === undefined) return error?.kind === 'unavailable' ? { Unavailable: 1 } : refusals(error);
  const served: Metrics = obtained.source === 'issued' ? {} : { Hits: 1 };
  return obtained.failure === undefined
    ? served
    : { ...served, RenewalsFailed: 1, ...refusals(obtained.failure.error) };
}

const requestMetrics = (record: RequestRecord): Metrics => ({
  ...outcomeMetrics(record),
  ...(record.issued ? { TokenRequests: record.issued } : {}),
  ...(record.degraded?.length ? awayMetrics(record.degraded) : {}),
  ...expiryMetrics(record.expiring),
});

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

/**
 * Creates the log.
 * @param namespace of the metrics
 * @param write takes a line without its line break
 */
export function createLog(namespace: string, write: (line: string) => void): Log {
  /** The CloudWatch definitions of each set of metrics, as JSON: there are few sets, and most lines use the same. */
  const definitions = new Map<string, string>();

  function define(names: readonly string[]): string {
    const known = definitions.get(names.join());
    if (known !== undefined) return known;
    const Metrics = names.map((Name) => ({ Name }));
    const made = JSON.stringify([{ Namespace: namespace, Dimensions: [[]], Metrics }]);
    definitions.set(names.join(), made);
    return made;
  }

  function emit(at: EpochMs, metrics: Metrics, fields: object): void {
    const names = Object.keys(metrics);
    // CloudWatch would report a metric line without metrics as malformed.
    const head =
      names.length === 0 ? `"time":${at}` : `"_aws":{"Timestamp":${at},"CloudWatchMetrics":${define(names)}}`;
    write(`{${head},${JSON.stringify({ ...fields, ...metrics }).slice(1)}`);
  }

  return {
    request(record) {
      const { at, requestId, route, profile, caller, status, durationMs, obtained, introspected, error, bug } = record;
      emit(at, requestMetrics(record), {
        level: levelOf(record),
        route,
        profile,
        caller: caller === undefined ? undefined : `${caller.account}:${caller.role}`,
        status,
        ms: durationMs,
        source: obtained?.source ?? introspected?.source,
        token: obtained === undefined ? record.seen : fingerprintOf(obtained.token),
        active: introspected?.isActive,
        // The token is handed out although its renewal failed.
        renewal: obtained?.failure === undefined ? undefined : describe(obtained.failure.error),
        // The outcome for a token that the caller reported as refused.
        rejected: obtained?.rejected,
        // The revoking application's client id could not be read when the token was obtained.
        revocable: obtained?.token.isIrrevocable ? false : undefined,
        client_secret_sent: record.isClientSecretSent,
        ...describeDegraded(record.degraded),
        ...describeExpiring(record.expiring),
        error: error === undefined ? undefined : describe(error),
        bug: bug?.name,
        at: bug?.at,
        id: requestId,
      });
    },
    trimmed({ at, secret, members }) {
      const advice = 'invisible characters at the ends of these members were ignored; store the secret without them';
      emit(at, {}, { level: 'warn', secret, trimmed: members.map((name) => loggable(name)), advice });
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
    prewarm({ at, durationMs, results, issued, degraded, expiring }) {
      const named = (wanted: Prewarmed['outcome']) =>
        results.filter(({ outcome }) => outcome === wanted).map(({ profile }) => profile);
      const failed = results.filter(({ outcome }) => outcome === 'failed');
      const bugs = failed.filter((result) => 'bug' in result).length;
      emit(
        at,
        {
          Renewed: named('renewed').length,
          PrewarmFailed: failed.length,
          ...(failed.length > 0 ? { RenewalsFailed: failed.length } : {}),
          ...(bugs > 0 ? { Bugs: bugs } : {}),
          ...(issued > 0 ? { TokenRequests: issued } : {}),
          ...Object.assign({}, ...failed.map(({ error }) => refusals(error))),
          ...awayMetrics(degraded),
          ...expiryMetrics(expiring),
        },
        {
          level: failed.length === 0 ? 'info' : 'error',
          route: 'prewarm',
          ms: durationMs,
          renewed: named('renewed'),
          kept: named('kept'),
          failed: failed.map(({ profile, error, ...rest }) => {
            const bug = 'bug' in rest ? describeBug(rest.bug) : undefined;
            return { profile, ...(error === undefined ? {} : describe(error)), bug: bug?.name, at: bug?.at };
          }),
          ...describeDegraded(degraded),
          ...describeExpiring(expiring),
        },
      );
    },
  };
}
