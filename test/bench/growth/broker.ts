import { createTokenFunctions } from '../../../lib/compose/tokens.ts';
import { redacted } from '../../../lib/core/redacted.ts';
import { ok } from '../../../lib/core/result.ts';
import type { GatewayHandler } from '../../../lib/http/endpoint.ts';
import { tokenEvent } from '../../support/events.ts';
import { profilesOf } from '../../support/profiles.ts';

const ISSUER = 'https://zitadel.example';
const JSON_ANSWER = { 'content-type': 'application/json' };
const TOKEN = JSON.stringify({ access_token: 'a'.repeat(120), token_type: 'Bearer', expires_in: 43_199 });
const SECRET = JSON.stringify({ clientId: 'orders', clientSecret: 'a secret of nobody' });
/** Scopes of which callers ask for some: each choice is a key of its own. */
const SCOPES = Array.from({ length: 17 }, (_, index) => `scope-${index}`);

const context = { getRemainingTimeInMillis: () => 15_000 };

/** The name of a profile. */
export const profileName = (profile: number): string => `service-${profile}`;

/** The broker over services that keep nothing, so that all the memory that grows is its own. */
export function createBroker(profiles: number): GatewayHandler {
  const document = {
    profiles: Object.fromEntries(
      Array.from({ length: profiles }, (_, profile) => [
        profileName(profile),
        { issuer: ISSUER, secret: 'one', scopes: SCOPES, callers: ['arn:aws:iam::123456789012:role/orders-service'] },
      ]),
    ),
  };
  return createTokenFunctions(
    profilesOf(document),
    { TABLE_NAME: 'tokens' },
    {
      write: () => undefined,
      secrets: { read: async () => ok(redacted(SECRET)) },
      table: { read: async () => ok(undefined), update: async (_key, { set }) => ok({ generation: 1, ...set }) },
      send: async () => ok({ status: 200, headers: JSON_ANSWER, body: TOKEN }),
    },
  ).token;
}

/** The event that asks for a profile's token. */
export const profileEvent = (profile: number): object =>
  tokenEvent(profileName(profile), 'grant_type=client_credentials');

/** The event that asks for the `key`-th choice of scopes. */
export function scopesEvent(key: number): object {
  const chosen = SCOPES.filter((_, index) => ((key + 1) >> index) & 1);
  return tokenEvent(profileName(0), `grant_type=client_credentials&scope=${chosen.join('+')}`);
}

/**
 * Asks once.
 * @throws {Error} where the answer is no token
 */
export async function ask(handler: GatewayHandler, event: object): Promise<void> {
  const { statusCode } = await handler(event, context);
  if (statusCode !== 200) throw new Error(`a request was answered ${statusCode}`);
}
