import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onEnd } from './ends.ts';

/** Creates a folder that goes when the part ends. */
export function createFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
