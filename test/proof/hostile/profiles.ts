import accounts from '../../recordings/accounts.json' with { type: 'json' };

export { accounts };

const PROJECT = `urn:zitadel:iam:org:project:id:${accounts.project}:aud`;

/** The secrets by their names: one of each kind of credential. */
export const SECRETS: Readonly<Record<string, string>> = {
  account: JSON.stringify({ clientId: accounts.saSecret.clientId, clientSecret: accounts.saSecret.clientSecret }),
  'account-key': JSON.stringify(accounts.saKey.key),
  'application-key': JSON.stringify(accounts.oidcKey),
  application: JSON.stringify({
    clientId: accounts.oidcSecret.clientId,
    clientSecret: accounts.oidcSecret.clientSecret,
  }),
};

/** What of these must never come out: by name, as text. */
export const CONFIDENTIAL: Readonly<Record<string, string>> = {
  'the secret of the service account': accounts.saSecret.clientSecret,
  'the secret of the application': accounts.oidcSecret.clientSecret,
  'the key of the service account': pemBody(accounts.saKey.key.key),
  'the key of the application': pemBody(accounts.oidcKey.key),
};

function pemBody(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----/g, '').replaceAll('\n', '');
}

/**
 * One profile for each way to ZITADEL.
 * @param mark a scope that no other stage has: ports are used again, and rows must not be
 */
export function profilesFor(issuer: string, mark: string): { readonly profiles: Readonly<Record<string, object>> } {
  const shared = { issuer, callers: ['arn:aws:iam::123456789012:role/orders-service'], scopes: [PROJECT, mark] };
  return {
    profiles: {
      own: { ...shared, secret: 'account' },
      keyed: { ...shared, secret: 'account-key' },
      asserted: { ...shared, secret: 'application-key', grant: 'client_credentials' },
      exchanged: { ...shared, secret: 'application-key', subject: 'own' },
      behalf: { ...shared, secret: 'application', exchange: {} },
      introspecting: { ...shared, secret: 'account', introspection: 'application-key' },
      introspecting2: { ...shared, secret: 'account', introspection: 'application' },
      revoking: { ...shared, secret: 'account', revocation: { secret: 'application', callers: shared.callers } },
    },
  };
}
