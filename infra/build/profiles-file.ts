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
  /** The names of `issuers`, whether a profile uses them or not. */
  readonly issuers: readonly string[];
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

/** What each file may add to: a profile may name those of another file. */
const SHARED = ['profiles', 'issuers'] as const;
type Shared = (typeof SHARED)[number];

/** One of the mappings of a document, by name; `undefined` if it is none. */
function mappingIn({ value }: Source, key: Shared): Fields | undefined {
  const { [key]: mapping } = (value ?? {}) as Partial<Record<Shared, unknown>>;
  return typeof mapping === 'object' && mapping !== null && !Array.isArray(mapping) ? (mapping as Fields) : undefined;
}

/** The faults of a file around its mappings. */
function outerFaults(source: Source, rules: ProfileRules): readonly Fault[] {
  const empty = SHARED.filter((key) => mappingIn(source, key) !== undefined).map((key) => [key, {}]);
  const document = empty.length === 0 ? source.value : { ...(source.value as Fields), ...Object.fromEntries(empty) };
  const parsed = parseProfiles(document, rules);
  // That a file among others holds no profile, or issuers alone, is no fault.
  return parsed.ok
    ? []
    : parsed.error.filter(({ path, problem }) => problem !== 'must hold at least one profile' && path[0] !== 'issuers');
}

/** Checks what all files hold together. */
function checkTogether(sources: readonly [Source, ...Source[]], rules: ProfileRules): ReadProfiles | Faulty {
  const [first] = sources;
  const homes: Readonly<Record<Shared, Map<string, Source>>> = { profiles: new Map(), issuers: new Map() };
  const merged: Readonly<Record<Shared, [name: string, value: unknown][]>> = { profiles: [], issuers: [] };
  const faults = sources.flatMap((source) => outerFaults(source, rules).map((fault) => inWords(source, fault)));
  for (const source of sources) {
    for (const key of SHARED) {
      for (const [name, value] of Object.entries(mappingIn(source, key) ?? {})) {
        const path = [key, name];
        const home = homes[key].get(name);
        if (home === undefined) {
          homes[key].set(name, source);
          merged[key].push([name, value]);
        } else {
          const problem = `is in ${home.file}:${home.placeOf(path)} too; give one of them another name`;
          faults.push(inWords(source, { path, problem }));
        }
      }
    }
  }
  const issuers = merged.issuers.length === 0 ? {} : { issuers: Object.fromEntries(merged.issuers) };
  const document = { profiles: Object.fromEntries(merged.profiles), ...issuers };
  const parsed = parseProfiles(document, rules);
  const inner = parsed.ok ? schemaFaults(document) : parsed.error;
  const homeOf = ({ path: [key, name] }: Fault): Source =>
    SHARED.flatMap((one) => (one === key ? (homes[one].get(String(name)) ?? []) : []))[0] ?? first;
  // Without a profile, the fault around them says more.
  if (merged.profiles.length > 0 || faults.length === 0) {
    faults.push(...inner.map((fault) => inWords(homeOf(fault), fault)));
  }
  if (!parsed.ok || faults.length > 0) return { ok: false, error: faults };
  return {
    ok: true,
    value: parsed.value,
    fileOf: new Map([...homes.profiles].map(([name, { file }]) => [name, file])),
    issuers: [...homes.issuers.keys()],
  };
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
