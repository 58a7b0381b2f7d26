import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createRotateFunction } from '../lib/compose/rotate.ts';

/** The profiles. The bundler checks them and replaces this name. */
declare const PROFILES: CompiledProfiles;

/** Rotates keys, step by step, as AWS Secrets Manager asks. */
export const handler = createRotateFunction(new Map(PROFILES), process.env);
