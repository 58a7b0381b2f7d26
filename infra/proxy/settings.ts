import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Environment } from '../../client/src/credentials.ts';
import { placeOf } from '../../client/src/place.ts';
import { readPort, UsageError } from '../local/settings.ts';
import { isContainer, stateFolder } from './local-token.ts';

const DEFAULT_PORT = 8789;

export const HELP = `Serves the paths of ZITADEL on this machine, for clients that cannot sign requests. It signs them with the AWS role of this
process, sends them to the broker, and keeps the tokens until 5 s before they expire.

  npm run proxy -- --broker URL [--port N]

  --broker URL        the broker (the stack's output BrokerUrl); default $ZITADEL_TOKEN_BROKER_URL
  --region R          its AWS region (default: the one in the URL, else $AWS_REGION)
  --port N            listens on 127.0.0.1:N (default ${DEFAULT_PORT}; 0 picks a free port)
  --tls               https, with a certificate of its own authority; prints the file of the authority
  --local-token FILE  clients must send the secret in FILE as their client_secret; creates FILE if it is missing. In
                      containers this is the default, with a file that the proxy names when it starts
  --no-local-token    clients need no secret, in containers too
  --verbose           logs every request to the broker, not only those that fail
  --help              prints this text

Use http://127.0.0.1:${DEFAULT_PORT}/{profile} in place of ZITADEL's issuer. AWS credentials are found as by the AWS CLI.
Exit codes: 0 after SIGTERM or Ctrl-C, 1 failure, 2 a wrong command line. For more, see docs/proxy.md.
`;

/** What the command line says. */
export interface Settings {
  /** Without a slash at the end. */
  readonly url: string;
  readonly region: string;
  readonly port: number;
  readonly tls: boolean;
  readonly verbose: boolean;
  /** The file with the secret of the clients; absent if they need none. */
  readonly localTokenFile?: string;
}

/**
 * Reads the command line.
 * @returns undefined if it asks for help
 * @throws {UsageError} that says what to write instead
 */
export function readSettings(args: readonly string[], env: Environment): Settings | undefined {
  const options = {
    broker: { type: 'string', default: env.ZITADEL_TOKEN_BROKER_URL },
    region: { type: 'string' },
    port: { type: 'string', default: String(DEFAULT_PORT) },
    tls: { type: 'boolean', default: false },
    'local-token': { type: 'string' },
    'no-local-token': { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const { broker, region, port, tls, 'local-token': file, 'no-local-token': needsNone, verbose, help } = values;
  if (help) return undefined;
  if (broker === undefined) throw new UsageError("name the broker: --broker URL (the stack's output BrokerUrl)");
  if (file !== undefined && needsNone) throw new UsageError('--local-token and --no-local-token cannot be combined');
  if (file === '') throw new UsageError('--local-token takes a file');
  const wantsFile = !needsNone && (file !== undefined || isContainer(env));
  let place: ReturnType<typeof placeOf>;
  try {
    place = placeOf({ url: broker, region }, env);
  } catch (error) {
    const says = (error as Error).message.replace('`url`', '--broker').replace('`region`', '--region R');
    throw new UsageError(URL.canParse(broker) ? says : '--broker takes a URL: https://…');
  }
  return {
    ...place,
    port: readPort('port', port),
    tls,
    verbose,
    ...(wantsFile ? { localTokenFile: file ?? join(stateFolder(env), 'local-token') } : {}),
  };
}
