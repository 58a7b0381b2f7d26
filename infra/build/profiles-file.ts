import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { type ProfileRules, parseProfiles } from '../../lib/broker/profiles/parse.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import schema from '../profiles.schema.json' with { type: 'json' };
import { readYaml } from './yaml-document.ts';

/** The profiles file to deploy. */
export const chosenProfilesFile = (): string => process.env.PROFILES_FILE ?? 'infra/profiles.yml';

/** The faults, one per line: `file:line:column what to do`. */
export type ProfilesFileFaults = readonly string[];

type Path = readonly (string | number)[];

const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);

/** The faults that the editors' schema finds in a document that the broker accepts; none, unless the two disagree. */
function schemaFaults(document: unknown): { path: Path; problem: string }[] {
  if (validate(document)) return [];
  return (validate.errors ?? []).map(({ instancePath, message = 'is not as the schema says' }) => ({
    path: instancePath.split('/').slice(1),
    problem: `${message} (profiles.schema.json)`,
  }));
}

/**
 * Reads and checks profiles in YAML (or JSON).
 * @returns the profiles, or every fault at once with its place
 */
export function readProfilesFile(
  file: string,
  rules: ProfileRules,
): { ok: true; value: Profiles } | { ok: false; error: ProfilesFileFaults } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return { ok: false, error: [`${file}: cannot be read; is the path right?`] };
  }
  const yaml = readYaml(text);
  if (!yaml.ok) return { ok: false, error: yaml.error.map(({ place, problem }) => `${file}:${place} ${problem}`) };
  const { value: document, placeOf } = yaml.value;
  const profiles = parseProfiles(document, rules);
  const faults = profiles.ok ? schemaFaults(document) : profiles.error;
  if (profiles.ok && faults.length === 0) return { ok: true, value: profiles.value };
  return {
    ok: false,
    error: faults.map(({ path, problem }) =>
      [`${file}:${placeOf(path)}`, ...(path.length > 0 ? [path.join('.')] : []), problem].join(' '),
    ),
  };
}
