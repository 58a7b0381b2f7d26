import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { createPackage, type FunctionName, type Package } from '../processes/package.ts';

/** The function `token` of 0.1.0, packaged with profiles-0.1.0.yml: README.md says how. */
const text = brotliDecompressSync(readFileSync(join(import.meta.dirname, 'token-0.1.0.cjs.br'))).toString();

/** Where `unpack` puts it. Worlds start bundles by the names of their folders. */
export const OLD = 'token-0.1.0' as FunctionName;

/** Today's functions, and beside them the one of 0.1.0. Both have the profiles orders, reports, billing and revocable. */
export async function createBothPackages(): Promise<Package> {
  const today = await createPackage();
  return {
    ...today,
    unpack(issuer) {
      const into = today.unpack(issuer);
      mkdirSync(join(into, OLD));
      writeFileSync(join(into, OLD, 'index.cjs'), text.replaceAll('"https://zitadel.example"', `"${issuer}"`));
      return into;
    },
  };
}
