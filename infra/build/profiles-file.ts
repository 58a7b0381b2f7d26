import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { type ProfileRules, parseProfiles } from '../../lib/broker/profiles/parse.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import schema from '../profiles.schema.json' with { type: 'json' };
import { chosenProfilesFile, profilesFiles } from '../profiles-files.cjs';
import { readYaml, type YamlDocument } from './yaml-document.ts';

export { chosenProfilesFile, profilesFiles };

/** The faults, one per line: `file:line:column what to do`. */
export type ProfilesFileFaults = readonly string[];

/** Profiles without a fault. */
export interface ReadProfiles {
  readonly ok: true;
  readonly value: Profiles;
  /** The file of each profile, by its name. */
  readonly fileOf: ReadonlyMap<string, string>;
}

interface Faulty {
  readonly ok: false;
  readonly error: ProfilesFileFaults;
}

type Path = readonly (string | number)[];

interface Fault {
  readonly path: Path;
  readonly problem: string;
}

/** One of the files. */
interface Source extends YamlDocument {
  readonly file: string;
}

type Fields = Readonly<Record<string, unknown>>;

const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);

/** The faults that the editors' schema finds in a document that the broker accepts; none, unless the two disagree. */
function schemaFaults(document: unknown): Fault[] {
  if (validate(document)) return [];
  return (validate.errors ?? []).map(({ instancePath, message = 'is not as the schema says' }) => ({
    path: instancePath.split('/').slice(1),
    problem: `${message} (profiles.schema.json)`,
  }));
}

const inWords = ({ file, placeOf }: Source, { path, problem }: Fault): string =>
  [`${file}:${placeOf(path)}`, ...(path.length > 0 ? [path.join('.')] : []), problem].join(' ');

/** Reads one file. Its faults are those of YAML. */
function readSource(file: string): { ok: true; value: Source } | Faulty {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return { ok: false, error: [`${file}: cannot be read; is the path right?`] };
  }
  const yaml = readYaml(text);
  if (yaml.ok) return { ok: true, value: { file, ...yaml.value } };
  return { ok: false, error: yaml.error.map(({ place, problem }) => `${file}:${place} ${problem}`) };
}

/** The profiles of a document, by name; `undefined` if it is no mapping of profiles. */
function profilesIn({ value }: Source): Fields | undefined {
  const { profiles } = (value ?? {}) as { profiles?: unknown };
  return typeof profiles === 'object' && profiles !== null && !Array.isArray(profiles)
    ? (profiles as Fields)
    : undefined;
}

/** The faults of a file around its profiles. */
function outerFaults(source: Source, rules: ProfileRules): readonly Fault[] {
  const document = profilesIn(source) === undefined ? source.value : { ...(source.value as Fields), profiles: {} };
  const parsed = parseProfiles(document, rules);
  // That a file among others holds no profile is no fault.
  return parsed.ok ? [] : parsed.error.filter(({ problem }) => problem !== 'must hold at least one profile');
}

/** Checks the profiles of all files together: a profile may name one of another file. */
function checkTogether(sources: readonly [Source, ...Source[]], rules: ProfileRules): ReadProfiles | Faulty {
  const [first] = sources;
  const homes = new Map<string, Source>();
  const profiles: [name: string, profile: unknown][] = [];
  const faults = sources.flatMap((source) => outerFaults(source, rules).map((fault) => inWords(source, fault)));
  for (const source of sources) {
    for (const [name, profile] of Object.entries(profilesIn(source) ?? {})) {
      const home = homes.get(name);
      if (home === undefined) {
        homes.set(name, source);
        profiles.push([name, profile]);
      } else {
        const path = ['profiles', name];
        const problem = `is in ${home.file}:${home.placeOf(path)} too; give one of them another name`;
        faults.push(inWords(source, { path, problem }));
      }
    }
  }
  const document = { profiles: Object.fromEntries(profiles) };
  const parsed = parseProfiles(document, rules);
  const inner = parsed.ok ? schemaFaults(document) : parsed.error;
  // Without a profile, the fault around them says more.
  if (profiles.length > 0 || faults.length === 0) {
    faults.push(...inner.map((fault) => inWords(homes.get(String(fault.path[1])) ?? first, fault)));
  }
  if (!parsed.ok || faults.length > 0) return { ok: false, error: faults };
  return { ok: true, value: parsed.value, fileOf: new Map([...homes].map(([name, { file }]) => [name, file])) };
}

/**
 * Reads and checks profiles in YAML (or JSON): a file, or all files of a folder.
 * @returns the profiles, or every fault at once with its place; fields are checked once every file is valid YAML
 */
export function readProfilesFile(place: string, rules: ProfileRules): ReadProfiles | Faulty {
  const files = profilesFiles(place);
  if (!files.ok) return { ok: false, error: [files.error] };
  const read = files.value.map(readSource);
  const unread = read.flatMap((one) => (one.ok ? [] : one.error));
  const [first, ...others] = read.flatMap((one) => (one.ok ? [one.value] : []));
  if (first === undefined || unread.length > 0) return { ok: false, error: unread };
  return checkTogether([first, ...others], rules);
}
