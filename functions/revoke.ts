import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createRevokeFunction } from '../lib/compose/revoke.ts';

/** The profiles. The bundler checks them and replaces this name. */
declare const PROFILES: CompiledProfiles;

/** `POST /{profile}/oauth/v2/revoke` behind API Gateway. */
export const handler = createRevokeFunction(new Map(PROFILES), process.env);
