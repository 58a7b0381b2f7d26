import { COSTS, type Degradation } from '../broker/credentials/health.ts';
import type { Rejected } from '../broker/obtain/memory.ts';
import type { Prewarmed } from '../broker/obtain/prewarm.ts';
import type { Obtained } from '../broker/obtain/renewal.ts';
import type { Principal } from '../broker/profiles/caller.ts';
import type { Token } from '../broker/token/freshness.ts';
import { fingerprint } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import type { EpochMs } from '../core/time.ts';
import { canonicalToken } from '../zitadel/token-identity.ts';
import { type Bug, describeBug } from './bug.ts';

/** Everything that a line may hold: an allow-list. No header, body, event, stack or `cause` is among it. */
export interface RequestRecord {
  readonly at: EpochMs;
  readonly requestId: string;
  readonly route: string;
  /** As in the path, if it looks like a name. */
  readonly profile: string;
  readonly caller?: Principal;
  readonly status: number;
  readonly durationMs: number;
  readonly obtained?: Pick<Obtained, 'token' | 'source' | 'failure'> & { readonly rejected?: Rejected };
  /** How many tokens were obtained from ZITADEL since the line before: each is reported once. */
  readonly issued?: number;
  /** What is away, as the sandbox last saw it. */
  readonly degraded?: readonly Degradation[];
  /** Of the profile: which of the issuers that are away count. */
  readonly issuer?: string;
  /** What introspection said, and where it was known. */
  readonly introspected?: { readonly isActive: boolean; readonly source: 'memory' | 'zitadel' };
  /** The fingerprint of a token that the caller sent to be introspected or revoked. */
  readonly seen?: string;
  readonly error?: BrokerError;
  /** A bug: the name and the place of what was thrown, never its message. */
  readonly bug?: Bug;
}

/** What a schedule's run came to. */
export interface PrewarmRecord {
  readonly at: EpochMs;
  readonly durationMs: number;
  readonly results: readonly Prewarmed[];
  readonly issued: number;
  readonly degraded: readonly Degradation[];
}

/** Counts that CloudWatch reads from the line (Embedded Metric Format). */
type Metrics = Readonly<Record<string, number>>;

/** Writes lines of one JSON object each. */
export interface Log {
  readonly request: (record: RequestRecord) => void;
  readonly prewarm: (record: PrewarmRecord) => void;
}

const fingerprints = new WeakMap<Token, string>();

/** The fingerprint of a token that is handed out; made once for each. */
function fingerprintOf(token: Token): string {
  const known = fingerprints.get(token);
  if (known !== undefined) return known;
  const made = fingerprint(canonicalToken(token.accessToken.reveal()));
  fingerprints.set(token, made);
  return made;
}

/** A request that was served, but not as in health, is for an operator to see before callers notice. */
function levelOf({ status, obtained, degraded = [] }: RequestRecord): string {
  if (status >= 500) return 'error';
  return status >= 400 || obtained?.failure !== undefined || degraded.length > 0 ? 'warn' : 'info';
}

const refusals = (error: BrokerError | undefined): Metrics =>
  error?.kind === 'credential_refused' || error?.kind === 'credential_unusable' ? { CredentialRefused: 1 } : {};

const AWAY_METRICS = { table: 'TableAway', secrets: 'SecretsAway', zitadel: 'ZitadelAway' } as const;

const awayMetrics = (degraded: readonly Degradation[]): Metrics =>
  Object.fromEntries(degraded.map(({ what }) => [AWAY_METRICS[what], 1]));

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
});

const describe = (error: BrokerError) => ({
  kind: error.kind,
  ...('dependency' in error ? { dependency: error.dependency } : {}),
  detail: error.detail,
});

/** What is away, since when, and what it costs; nothing in health. */
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
 * @param write takes a line without its end
 */
export function createLog(namespace: string, write: (line: string) => void): Log {
  /** What CloudWatch reads of each set of metrics, as JSON: there are few sets, and the same one in nearly every line. */
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
    // A line that counts nothing is no metric: CloudWatch would call it malformed.
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
        // What became of a token that the caller sent back.
        rejected: obtained?.rejected,
        // The revoking application's client id was not to be had when the token was obtained.
        revocable: obtained?.token.isIrrevocable ? false : undefined,
        ...describeDegraded(record.degraded),
        error: error === undefined ? undefined : describe(error),
        bug: bug?.name,
        at: bug?.at,
        id: requestId,
      });
    },
    prewarm({ at, durationMs, results, issued, degraded }) {
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
        },
      );
    },
  };
}
