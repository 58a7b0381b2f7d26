import { parseProfiles } from '../../lib/broker/profiles/parse.ts';
import { hasOwnTokens, type Profiles } from '../../lib/broker/profiles/profile.ts';
import { createTransport } from '../../lib/net/transport.ts';
import { readProfilesFile } from '../build/profiles-file.ts';
import { createKeys, type Key } from './callers.ts';
import { type Address, curl, curlFederated, isListed } from './curl.ts';
import { createDemo } from './demo.ts';
import { createIssuers, type Issuers } from './issuers.ts';
import { createFeed } from './page/feed.ts';
import { createLocalProxy } from './proxy.ts';
import { readSecrets, type Secrets } from './secrets-file.ts';
import { DEFAULT_PORT, HELP, readSettings, type Settings, UsageError } from './settings.ts';
import { createShiftedClock, type ShiftedClock } from './shifted-clock.ts';
import { createStack, PREWARM_TIMEOUT_MS, REGION, type Stack } from './stack.ts';
import { publishLocalStack, STATE_FOLDER } from './state.ts';
import { createLocalTls } from './tls/kept-authority.ts';
import { createZitadel, type Zitadel } from './zitadel/server.ts';

/** The schedule of a deployment. */
const PREWARM_EVERY_MS = 300_000;

/** The proxy's port is so far after the gateway's; the page has the one between. */
const PROXY_AFTER = 2;

/** How long connections get to end before the process does. */
const CLOSE_MS = 500;

interface Input {
  readonly profiles: Profiles;
  readonly secrets: Secrets;
  readonly zitadel?: Zitadel;
  /** Of assertions; none with profiles of one's own. */
  readonly issuers: Issuers;
}

const print = (text: string) => void process.stdout.write(`${text}\n`);

async function readInput(
  { profiles: file, secrets: secretsFile, zitadel: wantsZitadel }: Settings,
  clock: ShiftedClock,
): Promise<Input> {
  const issuing = file === undefined ? createIssuers(clock.now) : [];
  const demo = await createDemo();
  const zitadel = wantsZitadel ? { zitadel: await createZitadel({ accounts: demo.accounts, now: clock.now }) } : {};
  if (file !== undefined && secretsFile !== undefined) {
    const read = readProfilesFile(file, { allowLoopbackHttp: true });
    if (!read.ok) throw new UsageError(read.error.join('\n'));
    const profiles = read.value;
    return { profiles, secrets: await readSecrets(secretsFile, profiles), issuers: [], ...zitadel };
  }
  const issuers = await issuing;
  const profiles = parseProfiles(demo.profiles(zitadel.zitadel?.url ?? '', issuers), { allowLoopbackHttp: true });
  if (!profiles.ok) throw new Error('the profiles of the demonstration are not valid');
  return { profiles: profiles.value, secrets: demo.secrets, issuers, ...zitadel };
}

function printWelcome(
  address: Address,
  page: string,
  { profiles, zitadel, issuers }: Input,
  keys: ReadonlyMap<string, Key>,
  proxy: string | undefined,
): void {
  print(`\nThe broker listens on ${address.url}.`);
  if (address.authorityFile !== undefined) {
    print(`Its certificate is of the authority in ${address.authorityFile}, which later starts use too: trust it once`);
    print('(NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, curl --cacert).');
  }
  if (zitadel !== undefined) print(`A ZITADEL stand-in listens on ${zitadel.url}.`);
  print(`This page shows the broker at work; its switches fail ZITADEL and AWS and move the clock: ${page}`);
  print('Each of these lines gets a token; a second time it is the same token, from the cache:');
  for (const profile of profiles.values()) {
    const key = keys.get(profile.name);
    print(`\n# ${profile.name}, from ${profile.issuer}`);
    if (key === undefined) print('# (no callers: only the subject of other profiles)');
    else if (key.endpoint === 'token' && !hasOwnTokens(profile))
      print("# (exchanges its callers' tokens; see docs/examples/oauth-client.ts)");
    else print(curl(address, profile, key));
    for (const issuer of issuers.filter((one) => isListed(profile, one)))
      print(
        `\n# ${profile.name}, for ${issuer.workload} without IAM, whose issuer is ${issuer.url}\n${curlFederated(address, profile, issuer)}`,
      );
  }
  const rotating = [...profiles.values()].find(({ rotation }) => rotation !== undefined);
  if (rotating !== undefined) {
    print(`\nThis rotates the key of ${rotating.name}, while requests for its tokens go on:`);
    const { port } = new URL(address.url);
    const elsewhere = Number(port) === DEFAULT_PORT ? '' : ` --port ${port}`;
    print(`npm run rotate -- --local${elsewhere} --profile ${rotating.name}`);
  }
  if (proxy !== undefined) {
    print(`\nThe proxy listens on ${proxy}. It signs, and keeps tokens, for any OAuth client:`);
    for (const { name } of [...profiles.values()].filter(hasOwnTokens)) {
      print(`curl --silent --data grant_type=client_credentials ${proxy}/${name}/oauth/v2/token`);
    }
  }
  print(
    '\nThe access keys are made anew at each start. What follows is the log of the broker; Ctrl-C ends all of it.\n',
  );
}

function prewarmOnSchedule({ sandbox }: Stack): () => void {
  const context = { getRemainingTimeInMillis: () => PREWARM_TIMEOUT_MS };
  // Failures are logged; the schedule continues.
  const timer = setInterval(
    () =>
      void sandbox()
        .prewarm({}, context)
        .catch(() => undefined),
    PREWARM_EVERY_MS,
  );
  return () => clearInterval(timer);
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings.help) return print(HELP);
  const clock = createShiftedClock();
  // The page is loaded while other threads create the keys of the demonstration.
  const [input, { createStackPage }] = await Promise.all([readInput(settings, clock), import('./page/page.ts')]);
  const { profiles, zitadel, issuers } = input;
  const keys = createKeys(profiles.values());
  const tls = settings.tls ? await createLocalTls(STATE_FOLDER, Date.now()) : undefined;
  const feed = createFeed({ clock, send: createTransport({ clock, allowLoopbackHttp: true }) });
  const stack = await createStack({
    profiles,
    secrets: input.secrets,
    principals: [...keys.values()].map(({ principal }) => principal),
    port: settings.port,
    ...(tls && { tls: tls.identity }),
    ...(settings.throttle && { throttle: settings.throttle }),
    ...(settings.callerRate && { callerRate: settings.callerRate }),
    payload: settings.rest ? 'v1' : 'v2',
    clock,
    send: feed.send,
    write: (line) => {
      print(line);
      feed.write(line);
    },
    onError: (error) => process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`),
  });
  const address = { url: stack.gateway.url, region: REGION, authorityFile: tls?.authorityFile };
  const page = await createStackPage({
    stack,
    clock,
    feed,
    profiles,
    keys,
    issuers,
    address,
    zitadel,
    port: settings.pagePort,
  });
  const openProxy = (port: number) => createLocalProxy(address, keys, { clock, port, print });
  const proxy = settings.proxy
    ? await openProxy(Number(stack.gateway.port) + PROXY_AFTER).catch(() => openProxy(0))
    : undefined;
  printWelcome(address, page.address, input, keys, proxy?.url);
  await stack.schedule();
  const withdraw = publishLocalStack(String(stack.gateway.port), {
    region: REGION,
    tableUrl: stack.table.url,
    tableName: stack.table.tableName,
    secretsManagerUrl: stack.secretsManager.url,
    profiles: [...profiles],
  });
  const stopSchedule = prewarmOnSchedule(stack);
  const stop = () => {
    stopSchedule();
    withdraw();
    setTimeout(() => process.exit(0), CLOSE_MS);
    void Promise.allSettled([stack, zitadel, page, proxy, ...issuers].map((one) => one?.close())).then(() =>
      process.exit(0),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
}

/** The message for an error at start. */
function explain(error: NodeJS.ErrnoException & { readonly port?: number }): string {
  if (error.code === 'EADDRINUSE') {
    return `port ${error.port} is in use: choose another with --port N, or --port 0 for a free one`;
  }
  return error instanceof UsageError ? `${error.message}\nFor more, run npm start -- --help.` : String(error.stack);
}

main().catch((error: NodeJS.ErrnoException) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
