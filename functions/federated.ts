import type { CompiledProfiles } from '../lib/compose/environment.ts';
import { createFederatedFunction } from '../lib/compose/federated.ts';

/** The profiles. The bundler checks them and replaces this name. */
declare const PROFILES: CompiledProfiles;

/** `POST /federated/{profile}/oauth/v2/token` behind API Gateway. */
export const handler = createFederatedFunction(new Map(PROFILES), process.env);
