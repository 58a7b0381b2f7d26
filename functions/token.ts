import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createTokenFunctions } from '../lib/compose/tokens.ts';

/** The profiles. The bundler checks them and replaces this name. */
declare const PROFILES: CompiledProfiles;

/** `POST /{profile}/oauth/v2/token` behind API Gateway. */
export const handler = createTokenFunctions(new Map(PROFILES), process.env).token;
