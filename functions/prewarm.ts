import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createTokenFunctions } from '../lib/compose/tokens.ts';

/** The profiles. The bundler checks them and replaces this name. */
declare const PROFILES: CompiledProfiles;

/** Renews the tokens that are due, on an EventBridge schedule. */
export const handler = createTokenFunctions(new Map(PROFILES), process.env).prewarm;
