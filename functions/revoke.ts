import { createRevokeFunction } from '../lib/compose/revoke.ts';

/** The profiles, put in place of this name when the bundle is made. */
declare const PROFILES: unknown;

/** `POST /{profile}/oauth/v2/revoke` behind API Gateway. */
export const handler = createRevokeFunction(PROFILES, process.env);
