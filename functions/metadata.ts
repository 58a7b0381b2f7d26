import { createMetadataFunction } from '../lib/compose/metadata.ts';

/** `GET /{profile}/.well-known/openid-configuration` behind API Gateway. */
export const handler = createMetadataFunction(process.env);
