import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROTATION_MUTANTS } from '../rotation/mutants.ts';
import { WORLDS, type WorldName } from './batch.ts';
import { FOUND_AT, MUTANTS, type Mutant } from './mutants.ts';

const ALL: readonly (Mutant & { readonly only: WorldName })[] = [
  ...MUTANTS.map((mutant) => ({ ...mutant, only: 'broker' as const })),
  ...ROTATION_MUTANTS.map((mutant) => ({ ...mutant, only: 'rotation' as const })),
];

const root = join(import.meta.dirname, '../../..');
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'mutants-'));
});
// A busy machine needs its time even for this.
afterAll(() => rmSync(home, { recursive: true, force: true }), 120_000);

/** The sources with a mutant's changes, in a folder of their own. */
function prepare(number: number, { changes }: Pick<Mutant, 'changes'>): string {
  const folder = join(home, String(number));
  for (const part of ['lib', 'test/proof/simulation', 'test/proof/rotation', 'test/support', 'package.json']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, from, to } of changes) {
    const source = readFileSync(join(folder, file), 'utf8');
    if (source.split(from).length !== 2) throw new Error(`${file} does not hold exactly once: ${from}`);
    writeFileSync(
      join(folder, file),
      source.replace(from, () => to),
    );
  }
  return folder;
}

function simulate(
  folder: string,
  only: WorldName,
  promise: string,
  from: number,
): Promise<{ code: number | string | null; output: string }> {
  const script = ['test/proof/simulation/main.ts', '--only', only, '--brief', '--workers', '1', '--until', promise];
  const options = [...script, '--runs', '2000', '--from', String(from), '--seed', 'mutant'];
  return new Promise((resolve) => {
    execFile(process.execPath, options, { cwd: folder }, (error, stdout) => {
      resolve({ code: error === null ? 0 : (error.code ?? null), output: stdout });
    });
  });
}

test('there is a mutant for each promise', () => {
  const promises = Object.values(WORLDS).flatMap((world) => world.promises);
  expect(new Set(ALL.map(({ breaks }) => breaks))).toEqual(new Set(promises));
});

test('histories are left out for mutants that there are', () => {
  const names = ALL.map(({ name }) => name);
  expect(Object.keys(FOUND_AT).filter((name) => !names.includes(name))).toEqual([]);
});

test.concurrent.each(ALL.map((mutant, number) => ({ ...mutant, number })))(
  'the simulation finds out who $name',
  { timeout: 1_800_000 },
  async ({ name, number, only, breaks, changes }) => {
    const folder = prepare(number, { changes });
    const { code, output } = await simulate(folder, only, breaks, FOUND_AT[name] ?? 0);
    await rm(folder, { recursive: true, force: true });
    expect(output).toContain(`"${breaks}": `);
    expect(code).toBe(1);
  },
);
