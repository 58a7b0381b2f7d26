import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { LineCounter, parseDocument, type YAMLParseError } from 'yaml';
import { type ProfileRules, parseProfiles } from '../../lib/broker/profiles/parse.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import schema from '../profiles.schema.json' with { type: 'json' };

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

/** What is wrong with the YAML, in the words of its author's file, not of the parser's functions. */
function explain({ code, pos: [at], message }: YAMLParseError, text: string): string {
  const [line = ''] = text.slice(at).split('\n');
  if (code === 'DUPLICATE_KEY') return `${line.split(':')[0]?.trim()} is there twice; keep one of them`;
  if (code === 'MULTIPLE_DOCS') return 'begins another document (---); profiles are one document';
  return message.split('\n')[0] ?? code;
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
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: true, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (yaml.errors.length > 0) {
    return { ok: false, error: yaml.errors.map((error) => `${place(error.pos[0])} ${explain(error, text)}`) };
  }
  /** The place of the deepest existing part of the path: a missing field is reported where it belongs. */
  const placeOf = (path: Path): string => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = length === 0 ? yaml.contents : yaml.getIn(path.slice(0, length), true);
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      if (range) return place(range[0]);
    }
    return file;
  };
  let document: unknown;
  try {
    document = yaml.toJS();
  } catch (error) {
    const problem = (error as Error).message;
    const alias = problem.split(': ').at(-1) ?? '';
    return { ok: false, error: [`${place(Math.max(0, text.indexOf(`*${alias}`)))} ${problem}`] };
  }
  const profiles = parseProfiles(document, rules);
  const faults = profiles.ok ? schemaFaults(document) : profiles.error;
  if (profiles.ok && faults.length === 0) return { ok: true, value: profiles.value };
  return { ok: false, error: faults.map(({ path, problem }) => `${placeOf(path)} ${path.join('.')} ${problem}`) };
}
