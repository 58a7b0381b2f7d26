import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, FUNCTIONS } from '../../../infra/build/bundle.ts';
import { SECRETS } from '../../support/accounts.ts';
import { PROJECT_AUDIENCE, profilesFor } from '../../support/profiles.ts';

/** A function, by the name of its bundle. */
export type FunctionName = (typeof FUNCTIONS)[number];

/** Keys of their own, for faults that must not meet the effects of another one. */
export const KEYS = Array.from({ length: 24 }, (_, at) => `key-${at}`);

/** What the schedule renews at the same time, over as many connections. */
const WARM = Array.from({ length: 5 }, (_, at) => `warm-${at}`);

/** The content of Secrets Manager: each of the keys has a secret of its own, too. */
export const secretsByName: Readonly<Record<string, string>> = {
  ...SECRETS,
  ...Object.fromEntries(KEYS.map((name) => [name, SECRETS.orders ?? ''])),
};

/** Stands in the bundles in place of the issuer of a test. */
const PLACEHOLDER = 'https://zitadel.example';

const cold = { scopes: [PROJECT_AUDIENCE], prewarm: false };

const document = profilesFor(PLACEHOLDER, {
  orders: cold,
  reports: cold,
  ...Object.fromEntries(KEYS.map((name) => [name, { ...cold, secret: name }])),
  ...Object.fromEntries(WARM.map((name) => [name, { ...cold, secret: 'orders', prewarm: true }])),
});

/** Packages the functions as a deployment does, with the profiles of these tests. */
export async function createPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'broker-processes-'));
  const profilesFile = join(folder, 'profiles.yml');
  writeFileSync(profilesFile, JSON.stringify(document));
  await bundle({ profilesFile, outdir: join(folder, 'packaged') });
  return {
    /** Unpacks the bundles, with this issuer, to `{name}/index.cjs` of a folder that is removed with the package. */
    unpack(issuer: string): string {
      const into = mkdtempSync(join(folder, 'world-'));
      for (const name of FUNCTIONS) {
        const packaged = readFileSync(join(folder, 'packaged', name, 'index.cjs'), 'utf8');
        mkdirSync(join(into, name));
        writeFileSync(join(into, name, 'index.cjs'), packaged.replaceAll(`"${PLACEHOLDER}"`, `"${issuer}"`));
      }
      return into;
    },
    /** Removes all folders. */
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The functions, packaged once. */
export type Package = Awaited<ReturnType<typeof createPackage>>;
