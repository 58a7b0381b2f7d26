import { createSandbox } from '../lib/compose/sandbox.ts';

/** The profiles, put in place of this name when the bundle is made. */
declare const PROFILES: unknown;

/** `POST /{profile}/oauth/v2/token` behind API Gateway. */
export const handler = createSandbox(PROFILES, process.env).token;
