import { readFileSync } from 'node:fs';
import { getClientId } from '../../lib/broker/credentials/application.ts';
import { type Credentials, createCredentials } from '../../lib/broker/credentials/credentials.ts';
import { onlyExchanges, type Profile, type Profiles, secretUses } from '../../lib/broker/profiles/profile.ts';
import { nameInArn, splitSecret } from '../../lib/broker/profiles/secret-reference.ts';
import { redacted } from '../../lib/core/redacted.ts';
import { fail, ok } from '../../lib/core/result.ts';
import { decodeText } from '../../lib/core/text.ts';
import { instant } from '../../lib/core/time.ts';
import { chooseGrant } from '../../lib/zitadel/grant.ts';
import { readYaml } from '../build/yaml-document.ts';
import { UsageError } from './settings.ts';

/** The texts of secrets, by the names or ARNs that the profiles use. */
export type Secrets = Readonly<Record<string, string>>;

const FORM = '{ "name": "secret string or JSON", … }';

/** The text of a secret, and its place in the file: `line:column`. */
interface Entry {
  readonly text: string;
  readonly place: string;
}

/**
 * Reads the entries of a file of secrets, in JSON (or YAML).
 * @throws {UsageError} with the place of the fault, without quoting the content
 */
function readEntries(file: string): ReadonlyMap<string, Entry> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    throw new UsageError(`${file}: cannot be read; is the path right?`);
  }
  const document = readYaml(decodeText(bytes));
  if (!document.ok) {
    // Others often follow from the first.
    const [fault] = document.error;
    throw new UsageError(`${file}:${fault?.place}: ${fault?.kind}`);
  }
  const { value, placeOf } = document.value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${file}:${placeOf([])}: must be a JSON object: ${FORM}`);
  }
  const toEntry = ([name, secret]: [string, unknown]): [string, Entry] => [
    name,
    { text: typeof secret === 'string' ? secret : JSON.stringify(secret), place: placeOf([name]) },
  ];
  return new Map(Object.entries(value).map(toEntry));
}

/** What is wrong with a secret that a profile uses: it holds no credential, or one of the wrong kind. */
interface SecretFault {
  /** As the profile names it. */
  readonly secret: string;
  readonly problem: string;
}

async function faultsOf(profile: Profile, credentials: Credentials): Promise<readonly SecretFault[]> {
  const faults: SecretFault[] = [];
  const add = (secret: string, problem: string) =>
    faults.push({ secret, problem: `profile ${profile.name}: ${problem}` });
  const held = await credentials.get(profile.secret);
  if (!held.ok) add(profile.secret, held.error.detail);
  else {
    const chosen = chooseGrant(held.value.credential, { grant: profile.grant, hasSubject: onlyExchanges(profile) });
    if (!chosen.ok) add(profile.secret, `secret ${profile.secret}: ${chosen.error}`);
  }
  for (const { secret, purpose } of secretUses(profile)) {
    if (purpose === 'token') continue;
    const clientId = await getClientId(credentials, secret);
    if (!clientId.ok) add(secret, clientId.error.detail);
  }
  return faults;
}

/**
 * Reads a file of secrets for profiles: a JSON object that maps names, or ARNs, to strings, or to JSON, which is stored
 * as text. Every secret of the profiles must be there, and hold a credential of the right kind.
 * @throws {UsageError} that names the file and what to do, without quoting its content
 */
export async function readSecrets(file: string, profiles: Profiles): Promise<Secrets> {
  const entries = readEntries(file);
  const byName = new Map([...entries].map(([name, entry]) => [nameInArn(name), entry]));
  const entryOf = (name: string) => entries.get(name) ?? byName.get(nameInArn(name));
  const wanted = [...profiles.values()].flatMap(secretUses).map(({ secret }) => splitSecret(secret).name);
  const missing = [...new Set(wanted)].filter((name) => entryOf(name) === undefined);
  if (missing.length > 0) {
    throw new UsageError(`${file}: lacks the secret(s) ${missing.join(', ')}, which the profiles name`);
  }
  const given = [...entries].map(([name, { text }]) => [name, text] as const);
  const used = [...new Set(wanted)].map((name) => [name, entryOf(name)?.text ?? ''] as const);
  const secrets = new Map([...given, ...used]);
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
  for (const profile of profiles.values()) {
    for (const { secret, problem } of await faultsOf(profile, credentials)) {
      faults.push(`${file}:${entryOf(splitSecret(secret).name)?.place}: ${problem}`);
    }
  }
  if (faults.length > 0) throw new UsageError([...new Set(faults)].join('\n'));
  return Object.fromEntries(secrets);
}
