import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AccountsError } from './accounts.ts';
import { createZitadel, type ZitadelOptions } from './server.ts';

const HELP = `A ZITADEL stand-in on this machine: its token, introspection, revocation, discovery and key endpoints,
and the calls that rotate credentials.

  npm run zitadel -- --accounts FILE [--port N]

  --accounts FILE             service accounts and applications, in the format of test/recordings/accounts.json
  --port N                    the port (default 8080; 0 picks a free port)
  --token-lifetime-seconds N  the lifetime of access tokens (default 43200)
  --release 4.11|4.13         4.13 answers bad assertions with 500, has opaque tokens of one part and exchanges more
                              freely (default 4.11)
  --impersonation IDS         accounts (comma-separated user ids) that may impersonate others in an exchange
  --lag-ms N                  how long reads of keys and secrets lag behind writes (default 0)
  --clock-from-header         the header x-stand-in-now (epoch seconds) sets the clock for its request
  --help                      prints this text

Faults: curl -d '{"fault":"blocked"}' http://127.0.0.1:PORT/stand-in/faults
  blocked, database_away, slow (answers 3 s late), reset (cuts connections); null ends the fault.
  {"impersonation":["USER ID"]} and {"lagMs":40} change the options above; {"impersonation":null} switches it off.
  {"owners":["USER ID"]} says which accounts manage the applications of the projects.
`;

const RELEASES = ['4.11', '4.13'] as const;
const LARGEST_PORT = 65_535;

class UsageError extends Error {}
class StartError extends Error {}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws {UsageError} that says what to write instead */
function readSettings(args: readonly string[]) {
  const options = {
    accounts: { type: 'string' },
    port: { type: 'string', default: '8080' },
    release: { type: 'string', default: '4.11' },
    impersonation: { type: 'string' },
    'lag-ms': { type: 'string', default: '0' },
    'token-lifetime-seconds': { type: 'string', default: '43200' },
    'clock-from-header': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new UsageError(messageOf(error).split('\n')[0]);
  }
  const { accounts, port, help } = values;
  if (help) return undefined;
  if (accounts === undefined) throw new UsageError('--accounts FILE is missing; test/recordings/accounts.json is one');
  if (!/^\d{1,5}$/.test(port) || Number(port) > LARGEST_PORT) {
    throw new UsageError('--port takes a number from 0 to 65535');
  }
  const lifetime = values['token-lifetime-seconds'];
  if (!/^[1-9]\d{0,8}$/.test(lifetime)) throw new UsageError('--token-lifetime-seconds takes a whole number from 1');
  const { impersonation, 'lag-ms': lag } = values;
  const release = RELEASES.find((known) => known === values.release);
  if (release === undefined) throw new UsageError('--release takes 4.11 or 4.13');
  if (!/^\d{1,9}$/.test(lag)) throw new UsageError('--lag-ms takes a whole number from 0');
  return {
    file: accounts,
    release,
    lagMs: Number(lag),
    ...(impersonation === undefined ? {} : { impersonation: { impersonators: impersonation.split(',') } }),
    port: Number(port),
    tokenLifetimeSeconds: Number(lifetime),
    clockFromHeader: values['clock-from-header'],
  };
}

/** @throws {StartError} that says what to do, without quoting the file */
function readAccounts(file: string): unknown {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch {
    throw new StartError(`${file} cannot be read; is the path right?`);
  }
  try {
    return JSON.parse(content);
  } catch {
    throw new StartError(`${file} is not JSON; fix it or choose another file`);
  }
}

async function start(file: string, options: ZitadelOptions) {
  try {
    return await createZitadel(options);
  } catch (error) {
    if (error instanceof AccountsError) throw new StartError(`${file}: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new StartError(`port ${options.port} is in use; choose another with --port, or --port 0 for a free one`);
    }
    if (code === 'EACCES')
      throw new StartError(`port ${options.port} is not allowed; choose one from 1024 with --port`);
    throw error;
  }
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings === undefined) return void process.stdout.write(HELP);
  const { file, ...options } = settings;
  const zitadel = await start(file, { ...options, accounts: readAccounts(file) });
  // Not all that runs ends by itself: a slow answer, for example.
  const stop = () => void zitadel.close().finally(() => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  process.stdout.write(`ZITADEL stand-in: ${zitadel.url}\n`);
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`zitadel: ${messageOf(error)}${isUsage ? ' (see --help)' : ''}\n`);
  process.exitCode = isUsage ? 2 : 1;
});
