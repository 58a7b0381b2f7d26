import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Profile, Profiles, Rotation } from '../../../lib/broker/profiles/profile.ts';
import { loggable } from '../../../lib/core/redacted.ts';
import { fail, ok } from '../../../lib/core/result.ts';
import { DAY_MS } from '../../../lib/core/time.ts';
import type { Fact } from './finding.ts';
import type { Template } from './template.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

/** Folders of the project that packaging writes to, and the file that must not be a link. */
const NOT_LINKED = ['.build', '.serverless', '.git', 'dist', 'serverless.yml'];

const rotationOf = (rotation: Rotation | undefined): object =>
  rotation === undefined ? {} : { rotation: { ...rotation, every: `${rotation.everyMs / DAY_MS}d` } };

/** The part of the document of a profile that the template depends on. */
function documentOf(profile: Profile): object {
  const { issuer, secret, subject, prewarm, rotation, introspection, revocation, federated = [] } = profile;
  return {
    issuer,
    secret,
    prewarm,
    ...rotationOf(rotation),
    // Whether there are callers without IAM, not who they are.
    ...(federated.length === 0 ? {} : { callers: federated.map(({ issuer: { kind } }) => ({ [kind]: {} })) }),
    ...(subject === undefined ? {} : { subject }),
    ...(introspection && { introspection: { ...introspection, ...rotationOf(introspection.rotation) } }),
    ...(revocation && { revocation: { ...revocation, ...rotationOf(revocation.rotation) } }),
  };
}

export interface PackageOptions {
  readonly stage: string;
  readonly region: string;
  readonly profiles: Profiles;
  /** Parameters of the deployment: `NAME=VALUE`. */
  readonly parameters: readonly string[];
}

/** What the deployment tool says about a failure: the reason within, without the stacks around it. */
function failureOf(error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  const said = `${stdout}\n${stderr}`;
  const [, reason] = /Error: (?!.*Error: )(.+)/.exec(said) ?? [];
  return loggable(reason ?? said.split('\n').findLast((line) => /[a-z]/.test(line)) ?? 'no reason is given');
}

/**
 * Packages the template as a deployment would, offline and without AWS credentials, in a folder of its own that is
 * removed again. The bundles are left out: the template does not depend on them.
 */
export async function packageTemplate({
  stage,
  region,
  profiles,
  parameters,
}: PackageOptions): Promise<Fact<Template>> {
  const home = mkdtempSync(join(tmpdir(), 'doctor-'));
  try {
    for (const name of readdirSync(root).filter((entry) => !NOT_LINKED.includes(entry))) {
      symlinkSync(join(root, name), join(home, name));
    }
    copyFileSync(join(root, 'serverless.yml'), join(home, 'serverless.yml'));
    const file = join(home, 'profiles-of-the-doctor.json');
    const document = [...profiles].map(([name, profile]) => [name, documentOf(profile)]);
    writeFileSync(file, JSON.stringify({ profiles: Object.fromEntries(document) }));
    const quiet = { SLS_TELEMETRY_DISABLED: '1', SLS_NOTIFICATIONS_MODE: 'off' };
    const env = { PATH: process.env.PATH ?? '', HOME: home, PROFILES_FILE: file, PACKAGE_ONLY: 'template', ...quiet };
    const set = parameters.flatMap((parameter) => ['--param', parameter]);
    const osls = join(root, 'node_modules/.bin/osls');
    const args = [osls, 'package', '--stage', stage, '--region', region, ...set];
    await run(process.execPath, args, { cwd: home, env });
    const written = join(home, '.serverless/cloudformation-template-update-stack.json');
    return ok(JSON.parse(readFileSync(written, 'utf8')) as Template);
  } catch (error) {
    return fail({ says: failureOf(error), todo: 'correct serverless.yml; npm run package says more' });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
