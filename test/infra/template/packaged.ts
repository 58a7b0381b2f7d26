import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

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
 * Packages a copy of the service for the stage `prod` in us-east-1, offline and without credentials, as `npm run package` does.
 * @param profiles the text of the file of profiles
 */
export async function packageService(profiles: string): Promise<Packaged> {
  const home = copyService(profiles);
  const { stdout, stderr } = await runTool(home, ['package', '--stage', 'prod', '--region', 'us-east-1']);
  const file = join(home, '.serverless/cloudformation-template-update-stack.json');
  return { home, file, template: JSON.parse(readFileSync(file, 'utf8')), output: stdout + stderr };
}

/** Copies what is packaged to a folder of its own, with these profiles. */
export function copyService(profiles: string): string {
  const home = mkdtempSync(join(tmpdir(), 'package-'));
  for (const part of ['serverless.yml', 'infra', 'package.json', 'lib', 'functions']) {
    cpSync(join(root, part), join(home, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
  writeFileSync(join(home, PROFILES), profiles);
  return home;
}

const PROFILES = 'profiles-of-the-test.yml';

/**
 * Runs the deployment tool in a copy of the service, without credentials.
 * @throws what it printed, in `stdout` and `stderr`, if it fails
 */
export function runTool(home: string, args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const quiet = { SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off' };
  const PROFILES_FILE = join(home, PROFILES);
  const env = { PATH: process.env.PATH ?? '', HOME: home, PROFILES_FILE, ...quiet, ...more };
  return run(process.execPath, [join(root, 'node_modules/.bin/osls'), ...args], { cwd: home, env });
}
