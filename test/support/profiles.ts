import { parseProfiles } from '../../lib/broker/profiles/parse.ts';
import type { Profiles } from '../../lib/broker/profiles/profile.ts';
import { accounts } from './accounts.ts';

/**
 * Parses a document of profiles; `http` on loopback is an issuer here.
 * @throws {Error} where it is not valid
 */
export function profilesOf(document: unknown): Profiles {
  const profiles = parseProfiles(document, { allowLoopbackHttp: true });
  if (!profiles.ok) throw new Error(`the profiles: ${JSON.stringify(profiles.error)}`);
  return profiles.value;
}

export const PROJECT_AUDIENCE = `urn:zitadel:iam:org:project:id:${accounts.project}:aud`;

/** The profiles of most tests, one for each kind of credential; `changes` are merged into each, or added, by its name. */
export function profilesFor(
  issuer: string,
  changes: Readonly<Record<string, object>> = {},
): { profiles: Record<string, object> } {
  const shared = { issuer, callers: ['arn:aws:iam::123456789012:role/orders-service'] };
  const scopes = [PROJECT_AUDIENCE];
  const revocation = { secret: 'shipping', callers: shared.callers };
  const profiles: Readonly<Record<string, object>> = {
    orders: { secret: 'orders', scopes: [PROJECT_AUDIENCE, 'profile'], prewarm: true },
    odd: { secret: 'odd', scopes },
    reports: { secret: 'reports', scopes, prewarm: true },
    billing: { secret: 'billing', subject: 'reports' },
    shipping: { secret: 'shipping', subject: 'orders', scopes },
    api: { secret: 'api', subject: 'orders' },
    introspecting: { secret: 'orders', introspection: 'api' },
    exchanging: { secret: 'shipping', scopes, exchange: {} },
    revocable: { secret: 'orders', scopes, introspection: 'apiSecret', revocation },
  };
  const names = Object.keys({ ...profiles, ...changes });
  return {
    profiles: Object.fromEntries(names.map((name) => [name, { ...shared, ...profiles[name], ...changes[name] }])),
  };
}
