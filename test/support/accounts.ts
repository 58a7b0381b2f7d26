import accounts from '../recordings/accounts.json' with { type: 'json' };

export { accounts };

const json = (value: unknown): string => JSON.stringify(value);
const pair = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }) =>
  json({ clientId, clientSecret });

const { saSecret, saSecretOdd, saKey, oidcKey, oidcSecret, apiKey, apiSecret } = accounts;

/** The secrets of the recorded accounts, by the names that profiles of the tests use. */
export const SECRETS = {
  orders: pair(saSecret),
  odd: json({ client_id: saSecretOdd.clientId, client_secret: saSecretOdd.clientSecret }),
  reports: json(saKey.key),
  billing: json(oidcKey),
  shipping: pair(oidcSecret),
  api: json(apiKey),
  apiSecret: pair(apiSecret),
} as const;
