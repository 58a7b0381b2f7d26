import type { Environment } from '../../../client/src/credentials.ts';
import { BrokerError } from '../../../client/src/errors.ts';
import type { AwsCredentials } from '../../../client/src/sigv4.ts';
import { parseJsonObject } from '../../../lib/oauth/token-response.ts';

/** What a program has printed. Rejects if it fails; the error then has its `stderr`. */
export type Run = (file: string, args: readonly string[]) => Promise<string>;

/** What the sources of credentials need from outside. */
export interface SourceDeps {
  readonly env: Environment;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** @returns the body of an answer with status 200 @throws {Error} whose message names the fault */
  readonly request: (request: {
    readonly url: URL;
    readonly method?: 'PUT' | undefined;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  }) => Promise<string>;
  /** @throws {Error} with a `code` */
  readonly readFile: (file: string) => Promise<string>;
  /** Runs a program. */
  readonly run: Run;
  /** Runs a line in the shell. */
  readonly runShell: (line: string) => Promise<string>;
}

/** A source of credentials; undefined if the environment does not name it. */
export type Source = (deps: SourceDeps) => Promise<AwsCredentials | undefined>;

/** There are no credentials. `detail` says why, and what to do. */
export const noCredentials = (detail: string): BrokerError =>
  new BrokerError('no_credentials', { what: 'AWS credentials', detail });

/** Credentials of a program or file whose end is unknown are read again after 5 minutes: 5 minutes before this. */
const UNKNOWN_LIFE_MS = 600_000;

/** The name of the session token differs from source to source. */
interface Written {
  readonly AccessKeyId?: unknown;
  readonly SecretAccessKey?: unknown;
  readonly SessionToken?: unknown;
  readonly Token?: unknown;
  readonly Expiration?: unknown;
}

/** Reads credentials as AWS writes them in JSON. @throws {BrokerError} if they are not there */
export function readCredentials(text: string, from: string, nowMs: number): AwsCredentials {
  const written: Written = parseJsonObject(text) ?? {};
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Expiration } = written;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') throw noCredentials(`${from} gave none`);
  const token = written.SessionToken ?? written.Token;
  const endsAt = Date.parse(String(Expiration));
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: typeof token === 'string' && token !== '' ? token : undefined,
    expiration: new Date(Number.isNaN(endsAt) ? nowMs + UNKNOWN_LIFE_MS : endsAt),
  };
}
