import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundle } from '../../../infra/build/bundle.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

export type Json = Record<string, unknown>;

/** A resource of a CloudFormation template. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Json;
  readonly DependsOn?: string | readonly string[];
}

/** The parts of a template that are looked at. */
export interface Template {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Json;
}

/** The service as it would be deployed. */
export interface Packaged {
  /** A folder of its own; whoever asked for it removes it. */
  readonly home: string;
  /** The template's own file. */
  readonly file: string;
  readonly template: Template;
  /** What the packaging said. */
  readonly output: string;
}

/**
 * Packages a copy of the service for the stage `prod`, offline and without credentials, as `npm run package` does.
 * @param profiles the text of the file of profiles
 */
export async function packageService(profiles: string): Promise<Packaged> {
  const home = mkdtempSync(join(tmpdir(), 'package-'));
  for (const part of ['serverless.yml', 'infra', 'package.json']) {
    cpSync(join(root, part), join(home, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
  const profilesFile = join(home, 'profiles-of-the-test.yml');
  writeFileSync(profilesFile, profiles);
  await bundle({ profilesFile, outdir: join(home, '.build') });
  const quiet = { SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off' };
  const env = { PATH: process.env.PATH ?? '', HOME: home, PROFILES_FILE: profilesFile, ...quiet };
  const osls = join(root, 'node_modules/.bin/osls');
  const { stdout, stderr } = await run(process.execPath, [osls, 'package', '--stage', 'prod'], { cwd: home, env });
  const file = join(home, '.serverless/cloudformation-template-update-stack.json');
  return { home, file, template: JSON.parse(readFileSync(file, 'utf8')), output: stdout + stderr };
}
