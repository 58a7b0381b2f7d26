import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createTokenFunctions } from '../lib/compose/tokens.ts';

/** The profiles: checked, and put in place of this name, when the bundle is made. */
declare const PROFILES: CompiledProfiles;

/** Renews what is due, on a schedule of EventBridge. */
export const handler = createTokenFunctions(new Map(PROFILES), process.env).prewarm;
