import { parseArgs } from 'node:util';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { systemClock } from '../../lib/compose/journal.ts';
import { createHttpClient } from '../../lib/net/http-client.ts';
import { createTransport, LARGEST_BODY_BYTES } from '../../lib/net/transport.ts';
import { UsageError } from '../local/settings.ts';
import { OperationError, TARGET_HELP, TARGET_OPTIONS } from './deployment.ts';
import { createAwsView } from './doctor/aws-live.ts';
import { CALLER_CHECKS, gatherCaller } from './doctor/caller.ts';
import { examine, type Finding } from './doctor/finding.ts';
import { type DoctorDeps, gather, judgeAll } from './doctor/gather.ts';
import { packageTemplate } from './doctor/packaged.ts';
import { asJson, asText, EXIT, exitCode } from './doctor/report.ts';

const HELP = `Checks a deployment: the profiles, AWS and ZITADEL. Changes nothing. Never prints a secret's value.

  npm run doctor [-- --json]
  npm run doctor -- (--stage S | --local) [--profile P] [--param NAME=VALUE]… [--token-request] [--drift] [--json]
  npm run doctor -- --as-caller --profile P (--url U | --local) [--json]

Without --stage and --local it checks the files alone, which needs nothing.

  --profile P      only this profile, and those whose tokens it needs
  --param N=V      a parameter that the deployment got on the command line, as often as needed
  --token-request  also requests a token of each profile from ZITADEL, and introspects it where that is configured
  --drift          also lets CloudFormation look for changes by hand, which takes a minute or more
  --as-caller      run where a service runs, with its credentials: requests a token from the broker as a service does
  --url U          the URL of the broker (the stack's output BrokerUrl)
  --json           prints JSON
${TARGET_HELP}
Each line has a sign (√ fine, ‼ warning, × fault, ? not checked) and a code. Exit codes: 0 no fault, 1 a fault, 2 no
fault, but something could not be checked, 64 a wrong command line. To read all, AWS credentials need ReadOnlyAccess and
secretsmanager:GetSecretValue on the secrets of the profiles; --drift needs cloudformation:DetectStackDrift.
`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  profile: { type: 'string' },
  'token-request': { type: 'boolean', default: false },
  drift: { type: 'boolean', default: false },
  'as-caller': { type: 'boolean', default: false },
  url: { type: 'string' },
  param: { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** What a run of the doctor prints, and its exit code. */
export interface Report {
  readonly output: string;
  readonly code: number;
}

async function asCaller({ url, local, port, profile, region }: Values, deps: DoctorDeps) {
  if (profile === undefined) throw new UsageError('--as-caller needs --profile P');
  if (local === (url !== undefined)) throw new UsageError('--as-caller needs the broker: --url U or --local');
  const broker = url?.replace(/\/+$/, '') ?? `http://127.0.0.1:${port}`;
  if (!URL.canParse(broker)) throw new UsageError('--url must be a URL, as the output BrokerUrl of the stack');
  const signedFor = region ?? process.env.AWS_REGION ?? 'eu-central-1';
  const facts = await gatherCaller({ url: broker, profile, region: signedFor }, deps);
  return { name: broker, findings: examine('docs/runbooks.md#doctor-caller', CALLER_CHECKS, facts) };
}

async function asOperator(values: Values, deps: DoctorDeps): Promise<{ name: string; findings: readonly Finding[] }> {
  if (values.url !== undefined) throw new UsageError('--url needs --as-caller');
  if (values.local && values.stage !== undefined) throw new UsageError('--stage and --local cannot be combined');
  const isOfFiles = !values.local && values.stage === undefined;
  if (isOfFiles && (values['token-request'] || values.drift || values.profile !== undefined)) {
    throw new UsageError('--profile, --token-request and --drift need a broker: --stage S or --local');
  }
  const gathered = await gather(
    { ...values, parameters: values.param ?? [], wantsTokens: values['token-request'], startsDrift: values.drift },
    deps,
  );
  return { name: gathered.name, findings: judgeAll(gathered) };
}

/** The command `doctor`. */
export async function doctor(args: readonly string[], deps: DoctorDeps): Promise<Report> {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    if (values.help) return { output: HELP, code: EXIT.fine };
    const { name, findings } = await (values['as-caller'] ? asCaller(values, deps) : asOperator(values, deps));
    return { output: (values.json ? asJson : asText)(name, findings), code: exitCode(findings) };
  } catch (error) {
    // parseArgs explains a wrong option in one sentence.
    const isUsage = error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
    if (!isUsage && !(error instanceof OperationError)) throw error;
    const { message } = error as Error;
    return isUsage
      ? { output: `${message}\nTry --help.\n`, code: EXIT.usage }
      : { output: `${message}\n`, code: EXIT.unknown };
  }
}

/** What the doctor asks with on this machine. */
function createDeps(): DoctorDeps {
  const clock = systemClock;
  const http = createHttpClient({ clock, largestBytes: LARGEST_BODY_BYTES });
  const credentials = fromNodeProviderChain();
  return {
    clock,
    http,
    credentials,
    // Issuers of deployed profiles are https; those of the local stack may be on loopback.
    send: createTransport({ clock, allowLoopbackHttp: true, env: process.env }),
    packageTemplate,
    openView: (deployment, options) => createAwsView(deployment, { clock, http, credentials, ...options }),
  };
}

if (import.meta.main) {
  const { output, code } = await doctor(process.argv.slice(2), createDeps());
  (code === EXIT.usage ? process.stderr : process.stdout).write(output);
  process.exitCode = code;
  // Connections are kept open for more requests; there are none.
  process.stdout.write('', () => process.exit());
}
