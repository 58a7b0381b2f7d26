import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompiledProfiles } from '../../lib/compose/environment.ts';

/** What a running local stack publishes for the operators' commands. */
export interface LocalStack {
  readonly region: string;
  readonly tableUrl: string;
  readonly tableName: string;
  readonly secretsManagerUrl: string;
  readonly profiles: CompiledProfiles;
}

/** Where local stacks keep what outlives them. */
export const STATE_FOLDER = join(import.meta.dirname, '../../.build/local');

const fileOf = (port: string): string => join(STATE_FOLDER, `${port}.json`);

/** Publishes a stack by the port of its gateway. @returns a function that withdraws it */
export function publishLocalStack(port: string, stack: LocalStack): () => void {
  mkdirSync(STATE_FOLDER, { recursive: true });
  writeFileSync(fileOf(port), JSON.stringify(stack));
  return () => rmSync(fileOf(port), { force: true });
}

/** Finds the stack whose gateway listens on a port, if any. It may have ended without withdrawing this. */
export function readLocalStack(port: string): LocalStack | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(port), 'utf8')) as LocalStack;
  } catch {
    return undefined;
  }
}
