import { createSandbox } from '../lib/compose/sandbox.ts';

/** The profiles, put in place of this name when the bundle is made. */
declare const PROFILES: unknown;

/** Renews what is due, on a schedule of EventBridge. */
export const handler = createSandbox(PROFILES, process.env).prewarm;
