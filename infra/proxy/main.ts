import { systemClock } from '../../lib/compose/journal.ts';
import { createHttpClient } from '../../lib/net/http-client.ts';
import { LARGEST_BODY_BYTES } from '../../lib/net/transport.ts';
import { UsageError } from '../local/settings.ts';
import { createChain } from './credentials/chain.ts';
import { createSourceDeps } from './credentials/system.ts';
import { openLocalToken, stateFolder } from './local-token.ts';
import { createSend } from './send.ts';
import { HELP, readSettings, type Settings } from './settings.ts';
import { startProxy } from './start.ts';

/** The time limit of a request for credentials to the container endpoint. */
const ENDPOINT_MS = 2_000;

/** Requests that are under way when the process must end get this long. */
const CLOSE_MS = 10_000;

const print = (text: string) => void process.stdout.write(`${text}\n`);
const log = (line: object) => void process.stderr.write(`${JSON.stringify({ at: new Date(), ...line })}\n`);

async function serve({ tls: wantsTls, localTokenFile, ...settings }: Settings): Promise<void> {
  const { env } = process;
  const http = createHttpClient({ clock: systemClock, largestBytes: LARGEST_BODY_BYTES, env });
  const localToken = localTokenFile === undefined ? undefined : openLocalToken(localTokenFile);
  // Few need certificates, and making them takes a package.
  const tls = wantsTls
    ? await (await import('../local/tls/kept-authority.ts')).createLocalTls(stateFolder(env), Date.now())
    : undefined;
  const provide = createChain(createSourceDeps(env, http), createSend(http, ENDPOINT_MS));
  const proxy = await startProxy({
    ...settings,
    tls: tls?.identity,
    localToken,
    credentialsOf: () => provide,
    http,
    clock: systemClock,
    instant: () => ({ wall: Date.now(), steady: performance.now() }),
    log,
  });
  print(`The proxy listens on ${proxy.url}, for ${settings.url}.`);
  print(`Clients use ${proxy.url}/{profile} in place of ZITADEL's issuer.`);
  if (tls !== undefined) print(`They must trust the authority in ${tls.authorityFile}.`);
  if (localToken !== undefined) print(`They must send the secret in ${localToken.file} as their client_secret.`);
  const stop = () => {
    setTimeout(() => process.exit(0), CLOSE_MS).unref();
    void proxy.close().then(() => process.exit(0));
    // Whoever repeats it does not want to wait.
    for (const signal of SIGNALS) process.once(signal, () => process.exit(0));
  };
  for (const signal of SIGNALS) process.once(signal, stop);
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What to do about an error at the start. */
function explain(error: NodeJS.ErrnoException & { readonly port?: number }): string {
  const { code, port, message } = error;
  if (code === 'EADDRINUSE') return `port ${port} is in use: choose another with --port N, or --port 0 for a free one`;
  if (code === 'EACCES') return `port ${port} needs more rights: choose one above 1023 with --port N`;
  if (error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS')) return `${message}\nTry --help.`;
  return String(error.stack);
}

/** The command `proxy`. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    const settings = readSettings(args, process.env);
    if (settings === undefined) print(HELP.trimEnd());
    else await serve(settings);
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException;
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  }
}

if (import.meta.main) void main(process.argv.slice(2));
