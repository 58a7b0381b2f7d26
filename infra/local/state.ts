import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompiledProfiles } from '../../lib/compose/environment.ts';

/** What a running local stack tells the commands of operators. */
export interface LocalStack {
  readonly region: string;
  readonly tableUrl: string;
  readonly tableName: string;
  readonly profiles: CompiledProfiles;
}

const FOLDER = join(import.meta.dirname, '../../.build/local');

const fileOf = (port: string): string => join(FOLDER, `${port}.json`);

/** Publishes where a stack is, by the port of its gateway. @returns what takes it back */
export function publishLocalStack(port: string, stack: LocalStack): () => void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(port), JSON.stringify(stack));
  return () => rmSync(fileOf(port), { force: true });
}

/** Finds the stack whose gateway listens on a port, if there is one; it may have ended without taking this back. */
export function readLocalStack(port: string): LocalStack | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(port), 'utf8')) as LocalStack;
  } catch {
    return undefined;
  }
}
