import { createTokenFunctions, prepareAhead } from '../lib/compose/tokens.ts';

/** The profiles, put in place of this name when the bundle is made. */
declare const PROFILES: unknown;

/** `POST /{profile}/oauth/v2/token` behind API Gateway. */
export const handler = createTokenFunctions(PROFILES, process.env).token;

prepareAhead();
