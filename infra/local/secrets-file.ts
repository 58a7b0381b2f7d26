import { readFileSync } from 'node:fs';
import { isMap, LineCounter, parseDocument } from 'yaml';
import { getClientId } from '../../lib/broker/credentials/application.ts';
import { type Credentials, createCredentials } from '../../lib/broker/credentials/credentials.ts';
import { hasOwnTokens, type Profile, type Profiles } from '../../lib/broker/profiles/profile.ts';
import { splitSecret } from '../../lib/broker/profiles/secret-reference.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { decodeText } from '../../lib/core/text.ts';
import { instant } from '../../lib/core/time.ts';
import { chooseGrant } from '../../lib/zitadel/grant.ts';
import { nameInArn } from './secrets-manager/store.ts';
import { UsageError } from './settings.ts';

/** The texts of secrets, by the names or ARNs that the profiles use. */
export type Secrets = Readonly<Record<string, string>>;

const FORM = '{ "name": "secret string or JSON", … }';

const nameOf = (reference: string): string => (reference.startsWith('arn:') ? nameInArn(reference) : reference);

/**
 * Reads the entries of a file of secrets, in JSON (or YAML).
 * @throws {UsageError} with the place of the fault, without quoting the content
 */
function readEntries(file: string): ReadonlyMap<string, string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    throw new UsageError(`${file}: cannot be read; is the path right?`);
  }
  const lines = new LineCounter();
  const document = parseDocument(decodeText(bytes), { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    // The parser's own message would quote the file.
    const problem = error.code === 'DUPLICATE_KEY' ? 'this name is there twice' : 'is not valid JSON';
    throw new UsageError(`${file}:${line}:${col}: ${problem}`);
  }
  if (!isMap(document.contents)) throw new UsageError(`${file}: must be a JSON object: ${FORM}`);
  const content: Readonly<Record<string, unknown>> = document.toJS();
  return new Map(
    Object.entries(content).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** The secret of each use of a profile. */
const usesOf = ({ secret, introspection, revocation }: Profile): readonly (string | undefined)[] => [
  secret,
  introspection?.secret,
  revocation?.secret,
];

/** What is wrong with the credentials that a profile uses: none, or one of the wrong kind. */
async function faultsOf(profile: Profile, credentials: Credentials): Promise<readonly string[]> {
  const faults: string[] = [];
  const held = await credentials.get(profile.secret);
  if (!held.ok) faults.push(held.error.detail);
  else {
    const { grant, subject } = profile;
    const hasSubject = subject !== undefined || !hasOwnTokens(profile);
    const chosen = chooseGrant(held.value.credential, { grant, hasSubject });
    if (!chosen.ok) faults.push(`secret ${profile.secret}: ${chosen.error}`);
  }
  for (const secret of [profile.introspection?.secret, profile.revocation?.secret]) {
    const clientId = secret === undefined ? undefined : await getClientId(credentials, secret);
    if (clientId?.ok === false) faults.push(clientId.error.detail);
  }
  return faults.map((fault) => `profile ${profile.name}: ${fault}`);
}

/**
 * Reads a file of secrets for profiles: a JSON object that maps names, or ARNs, to strings, or to JSON, which is stored
 * as text. Every secret of the profiles must be there, and hold a credential of the right kind.
 * @throws {UsageError} that names the file and what to do, without quoting its content
 */
export async function readSecrets(file: string, profiles: Profiles): Promise<Secrets> {
  const entries = readEntries(file);
  const byName = new Map([...entries].map(([name, text]) => [nameOf(name), text]));
  const textOf = (name: string) => entries.get(name) ?? byName.get(nameOf(name));
  const wanted = [...profiles.values()]
    .flatMap(usesOf)
    .flatMap((use) => (use === undefined ? [] : splitSecret(use).name));
  const missing = [...new Set(wanted)].filter((name) => textOf(name) === undefined);
  if (missing.length > 0) {
    throw new UsageError(`${file}: lacks the secret(s) ${missing.join(', ')}, which the profiles name`);
  }
  const used = [...new Set(wanted)].map((name) => [name, textOf(name) ?? ''] as const);
  const secrets = new Map([...entries, ...used]);
  const credentials = createCredentials({
    clock: { now: () => instant(Date.now()), after: () => () => undefined },
    secrets: {
      async read(name) {
        const text = secrets.get(name);
        return text === undefined ? fail({ kind: 'refused', detail: 'is missing' }) : ok(redacted(text));
      },
    },
  });
  const faults: string[] = [];
  for (const profile of profiles.values()) faults.push(...(await faultsOf(profile, credentials)));
  if (faults.length > 0) throw new UsageError(`${file}:\n  ${[...new Set(faults)].join('\n  ')}`);
  return Object.fromEntries(secrets);
}
