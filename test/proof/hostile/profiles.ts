import accounts from '../../recordings/accounts.json' with { type: 'json' };

export { accounts };

const { saSecret, saKey, oidcSecret, oidcKey, project } = accounts;

const withSecret = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }): string =>
  JSON.stringify({ clientId, clientSecret });

/** The secrets by their names: one of each kind of credential. */
export const SECRETS: Readonly<Record<string, string>> = {
  account: withSecret(saSecret),
  'account-key': JSON.stringify(saKey.key),
  'application-key': JSON.stringify(oidcKey),
  application: withSecret(oidcSecret),
};

const pemBody = (pem: string): string => pem.replace(/-----[A-Z ]+-----/g, '').replaceAll('\n', '');

/** What of these must never come out: by name, as text. */
export const CONFIDENTIAL: Readonly<Record<string, string>> = {
  'the secret of the service account': saSecret.clientSecret,
  'the secret of the application': oidcSecret.clientSecret,
  'the key of the service account': pemBody(saKey.key.key),
  'the key of the application': pemBody(oidcKey.key),
};

/**
 * One profile for each way to ZITADEL.
 * @param mark a scope that no other case has: ports are used again, and rows must not be
 */
export function profilesFor(issuer: string, mark: string): { readonly profiles: Readonly<Record<string, object>> } {
  const callers = ['arn:aws:iam::123456789012:role/orders-service'];
  const shared = { issuer, callers, scopes: [`urn:zitadel:iam:org:project:id:${project}:aud`, mark] };
  return {
    profiles: {
      own: { ...shared, secret: 'account' },
      keyed: { ...shared, secret: 'account-key' },
      asserted: { ...shared, secret: 'application-key', grant: 'client_credentials' },
      exchanged: { ...shared, secret: 'application-key', subject: 'own' },
      behalf: { ...shared, secret: 'application', exchange: {} },
      introspecting: { ...shared, secret: 'account', introspection: 'application-key' },
      introspecting2: { ...shared, secret: 'account', introspection: 'application' },
      revoking: { ...shared, secret: 'account', revocation: { secret: 'application', callers } },
    },
  };
}
