import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createIntrospectFunction } from '../lib/compose/introspect.ts';

/** The profiles. The bundler checks them and replaces this name. */
declare const PROFILES: CompiledProfiles;

/** `POST /{profile}/oauth/v2/introspect` behind API Gateway. */
export const handler = createIntrospectFunction(new Map(PROFILES), process.env);
