import type { Principal } from '../broker/caller.ts';
import type { Token } from '../broker/freshness.ts';
import type { Obtained } from '../broker/renewal.ts';
import { fingerprint } from '../core/digest.ts';
import type { BrokerError } from '../core/error.ts';
import type { EpochMs } from '../core/time.ts';

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
  readonly obtained?: Pick<Obtained, 'token' | 'source' | 'failure'>;
  /** What introspection said, and where it was known. */
  readonly introspected?: { readonly isActive: boolean; readonly source: 'memory' | 'zitadel' };
  /** The fingerprint of a token that the caller sent to be introspected or revoked. */
  readonly seen?: string;
  readonly error?: BrokerError;
  /** A bug: the name of what was thrown, never its message. */
  readonly bug?: string;
}

/** What a schedule's run came to. */
export interface PrewarmRecord {
  readonly at: EpochMs;
  readonly durationMs: number;
  readonly renewed: readonly string[];
  readonly kept: readonly string[];
  readonly failed: readonly { readonly profile: string; readonly error: BrokerError }[];
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
  const made = fingerprint(token.accessToken.reveal());
  fingerprints.set(token, made);
  return made;
}

const LEVEL = (status: number): string => {
  if (status >= 500) return 'error';
  return status >= 400 ? 'warn' : 'info';
};

const refusals = (error: BrokerError | undefined): Metrics =>
  error?.kind === 'credential_refused' || error?.kind === 'credential_unusable' ? { CredentialRefused: 1 } : {};

function requestMetrics({ obtained, error, bug }: RequestRecord): Metrics {
  if (bug !== undefined) return { Bugs: 1 };
  if (obtained === undefined) return error?.kind === 'unavailable' ? { Unavailable: 1 } : refusals(error);
  const served = obtained.source === 'exchange' ? { Exchanges: 1 } : { Hits: 1 };
  return obtained.failure === undefined
    ? served
    : { ...served, RenewalsFailed: 1, ...refusals(obtained.failure.error) };
}

const describe = ({ kind, detail }: BrokerError) => ({ kind, detail });

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
        level: LEVEL(status),
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
        error: error === undefined ? undefined : describe(error),
        bug,
        id: requestId,
      });
    },
    prewarm({ at, durationMs, renewed, kept, failed }) {
      emit(
        at,
        {
          Renewed: renewed.length,
          PrewarmFailed: failed.length,
          ...Object.assign({}, ...failed.map(({ error }) => refusals(error))),
        },
        {
          level: failed.length === 0 ? 'info' : 'error',
          route: 'prewarm',
          ms: durationMs,
          renewed,
          kept,
          failed: failed.map(({ profile, error }) => ({ profile, ...describe(error) })),
        },
      );
    },
  };
}
