import { createIntrospectFunction } from '../lib/compose/introspect.ts';

/** The profiles, put in place of this name when the bundle is made. */
declare const PROFILES: unknown;

/** `POST /{profile}/oauth/v2/introspect` behind API Gateway. */
export const handler = createIntrospectFunction(PROFILES, process.env);
