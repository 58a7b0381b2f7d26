import { createTokenFunctions } from '../lib/compose/tokens.ts';

/** The profiles, put in place of this name when the bundle is made. */
declare const PROFILES: unknown;

/** Renews what is due, on a schedule of EventBridge. */
export const handler = createTokenFunctions(PROFILES, process.env).prewarm;
