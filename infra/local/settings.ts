import { parseArgs } from 'node:util';
import type { ThrottleOptions } from './gateway/throttle.ts';

/** The gateway's default port. */
export const DEFAULT_PORT = 8787;

export const HELP = `Runs the broker on this machine: its real handlers behind a local API Gateway, with stand-ins for
Secrets Manager, DynamoDB and ZITADEL. No AWS account, no Docker.

  npm start
  npm start -- --profiles my-profiles.yml --secrets my-secrets.json [--no-zitadel]

  --port N          the gateway's port (default ${DEFAULT_PORT}; 0 picks a free port)
  --page-port N     the port of the page that shows all this (default: the gateway's + 1, or a free one)
  --profiles FILE   your own profiles, a file or a folder; tokens then come from the issuers that they name (https, or
                    http on loopback)
  --secrets FILE    the secrets that the profiles name, by name or ARN, as JSON: { "name": "secret string or JSON", … }
  --no-zitadel      does not start the ZITADEL stand-in
  --tls             https, with a certificate of its own authority; prints the file of the authority, which it keeps:
                    trust it once (curl --cacert, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE)
  --throttle RATE[:BURST]  answers 429 above RATE requests per second, BURST at once (default RATE), as API Gateway does
  --caller-rate N   the parameter callerRate: the broker answers 429 to a role that sends more than N requests per second
  --proxy           starts the proxy of docs/proxy.md too, on the port after the page's or a free one: any OAuth client gets
                    tokens there without signing
  --rest            is a REST API (payload 1.0) instead of an HTTP API (2.0), with its answers
  --help            prints this text

The gateway answers as API Gateway does, and the log says why it refused a request. Each role may call what the profiles
let it use, as if it had the IAM policy of docs/deploy.md. Ctrl-C (or SIGTERM) ends all of it, with exit code 0.
`;

export interface Settings {
  readonly port: number;
  /** Of the page; absent: any, preferably the one after the gateway's. */
  readonly pagePort?: number;
  readonly profiles?: string;
  readonly secrets?: string;
  readonly zitadel: boolean;
  readonly rest: boolean;
  readonly proxy: boolean;
  readonly tls: boolean;
  readonly throttle?: ThrottleOptions;
  /** Requests per second, as the function reads it. */
  readonly callerRate?: string;
  readonly help: boolean;
}

/** A mistake on the command line. Its message is printed without a stack trace. */
export class UsageError extends Error {}

const LARGEST_PORT = 65_535;

/** @throws {UsageError} if it is not a port */
export function readPort(option: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= LARGEST_PORT) return Number(text);
  throw new UsageError(`--${option} takes a number from 0 to ${LARGEST_PORT}`);
}

const THROTTLE = /^(\d{1,5}(?:\.\d{1,3})?)(?::(\d{1,5}))?$/;

/** @throws {UsageError} if it is not RATE or RATE:BURST */
function readThrottle(text: string): ThrottleOptions {
  const [, rate, burst] = THROTTLE.exec(text) ?? [];
  if (rate === undefined) {
    throw new UsageError('--throttle takes RATE or RATE:BURST, requests per second and at once: 10, 0.5:1');
  }
  return { ratePerSecond: Number(rate), burst: burst === undefined ? Math.ceil(Number(rate)) : Number(burst) };
}

/** @throws {UsageError} if it is not a rate */
function readCallerRate(text: string): string {
  if (/^\d{1,5}(?:\.\d{1,3})?$/.test(text)) return text;
  throw new UsageError('--caller-rate takes a number of requests per second: 10, 0.5');
}

/**
 * Reads the command line.
 * @throws {UsageError} that says what to write instead
 */
export function readSettings(args: readonly string[]): Settings {
  const options = {
    port: { type: 'string', default: String(DEFAULT_PORT) },
    'page-port': { type: 'string' },
    profiles: { type: 'string' },
    secrets: { type: 'string' },
    zitadel: { type: 'boolean', default: true },
    proxy: { type: 'boolean', default: false },
    rest: { type: 'boolean', default: false },
    tls: { type: 'boolean', default: false },
    throttle: { type: 'string' },
    'caller-rate': { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options, allowNegative: true }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'the command line cannot be read');
  }
  const {
    port,
    'page-port': pagePort,
    profiles,
    secrets,
    throttle,
    'caller-rate': callerRate,
    zitadel = true,
    proxy = false,
    rest = false,
    tls = false,
    help = false,
  } = values;
  if ((profiles === undefined) !== (secrets === undefined)) {
    throw new UsageError(
      '--profiles and --secrets must be used together: your own profiles need the secrets that they name',
    );
  }
  if (!zitadel && profiles === undefined) {
    throw new UsageError('--no-zitadel needs --profiles and --secrets: without the stand-in there is no other issuer');
  }
  return {
    port: readPort('port', port),
    ...(pagePort === undefined ? {} : { pagePort: readPort('page-port', pagePort) }),
    ...(profiles && secrets ? { profiles, secrets } : {}),
    ...(throttle === undefined ? {} : { throttle: readThrottle(throttle) }),
    ...(callerRate === undefined ? {} : { callerRate: readCallerRate(callerRate) }),
    zitadel,
    proxy,
    rest,
    tls,
    help,
  };
}
