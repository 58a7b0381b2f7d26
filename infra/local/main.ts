import { parseProfiles } from '../../lib/broker/profiles/parse.ts';
import { hasOwnTokens, type Profiles } from '../../lib/broker/profiles/profile.ts';
import { readProfilesFile } from '../build/profiles-file.ts';
import { createPrincipals } from './callers.ts';
import { createDemo } from './demo.ts';
import type { Principal } from './gateway/sigv4.ts';
import { readSecrets, type Secrets } from './secrets-file.ts';
import { HELP, readSettings, type Settings, UsageError } from './settings.ts';
import { createStack, REGION, type Stack } from './stack.ts';
import type { StandIn } from './stand-in.ts';
import { publishLocalStack } from './state.ts';
import { createZitadel } from './zitadel/server.ts';

/** The schedule of a deployment. */
const PREWARM_EVERY_MS = 300_000;
const PREWARM_TIMEOUT_MS = 60_000;

interface Input {
  readonly profiles: Profiles;
  readonly secrets: Secrets;
  readonly zitadel?: StandIn;
}

const print = (text: string) => void process.stdout.write(`${text}\n`);

async function readInput({ profiles: file, secrets: secretsFile, zitadel: wantsZitadel }: Settings): Promise<Input> {
  const demo = await createDemo();
  const zitadel = wantsZitadel ? { zitadel: await createZitadel({ accounts: demo.accounts }) } : {};
  if (file !== undefined && secretsFile !== undefined) {
    const read = readProfilesFile(file, { allowLoopbackHttp: true });
    if (!read.ok) throw new UsageError(read.error.join('\n'));
    const profiles = read.value;
    return { profiles, secrets: await readSecrets(secretsFile, profiles), ...zitadel };
  }
  const profiles = parseProfiles(demo.profiles(zitadel.zitadel?.url ?? ''), { allowLoopbackHttp: true });
  if (!profiles.ok) throw new Error('the profiles of the demonstration are not valid');
  return { profiles: profiles.value, secrets: demo.secrets, ...zitadel };
}

const curl = (url: string, profile: string, { accessKeyId, secretAccessKey, sessionToken }: Principal): string =>
  `curl --silent --aws-sigv4 "aws:amz:${REGION}:execute-api" --user "${accessKeyId}:${secretAccessKey}" ` +
  `--header "x-amz-security-token: ${sessionToken}" --data grant_type=client_credentials ${url}/${profile}/oauth/v2/token`;

function printWelcome(stack: Stack, { profiles, zitadel }: Input, principals: ReadonlyMap<string, Principal>): void {
  print(`\nThe broker listens on ${stack.gateway.url}.`);
  if (zitadel !== undefined) print(`A ZITADEL stand-in listens on ${zitadel.url}.`);
  print('Each of these lines gets a token; a second time it is the same token, from the cache:');
  for (const profile of profiles.values()) {
    const principal = principals.get(profile.name);
    print(`\n# ${profile.name}, from ${profile.issuer}`);
    if (principal === undefined) print('# (no callers: only the subject of other profiles)');
    else if (!hasOwnTokens(profile)) print("# (exchanges its callers' tokens; see docs/examples/oauth-client.ts)");
    else print(curl(stack.gateway.url, profile.name, principal));
  }
  print(
    '\nThe access keys are made anew at each start. What follows is the log of the broker; Ctrl-C ends all of it.\n',
  );
}

function prewarmOnSchedule({ sandbox }: Stack): () => void {
  const context = { getRemainingTimeInMillis: () => PREWARM_TIMEOUT_MS };
  // Failures are logged; the schedule continues.
  const timer = setInterval(() => void sandbox.prewarm({}, context).catch(() => undefined), PREWARM_EVERY_MS);
  return () => clearInterval(timer);
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  if (settings.help) return print(HELP);
  const input = await readInput(settings);
  const principals = createPrincipals(input.profiles.values());
  const stack = await createStack({
    profiles: input.profiles,
    secrets: input.secrets,
    principals: principals.values(),
    port: settings.port,
    payload: settings.rest ? 'v1' : 'v2',
    write: print,
    onError: (error) => process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`),
  });
  printWelcome(stack, input, principals);
  const withdraw = publishLocalStack(String(stack.gateway.port), {
    region: REGION,
    tableUrl: stack.table.url,
    tableName: stack.table.tableName,
    profiles: [...input.profiles],
  });
  const stopSchedule = prewarmOnSchedule(stack);
  const stop = async () => {
    stopSchedule();
    withdraw();
    await Promise.all([stack.close(), input.zitadel?.close()]);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
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
