import { accounts, SECRETS } from '../support/accounts.ts';
import { perName } from './turns.ts';

const { clientId, clientSecret } = accounts.saSecret;

/** The secret of the profile `orders`. */
export const SECRET = SECRETS.orders;

/** How long tokens live where their number is counted. */
export const LIVES = [
  { life: '12 h', lifeS: 43_200 },
  { life: '5 min', lifeS: 300 },
] as const;

/** What is POSTed to the broker for a token. */
export const FORM = 'grant_type=client_credentials';
export const FORM_HEADERS: Readonly<Record<string, string>> = { 'content-type': 'application/x-www-form-urlencoded' };

/** What is POSTed to ZITADEL for the same token. */
export const DIRECT_FORM = `${FORM}&scope=openid`;
export const DIRECT_HEADERS = {
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
  ...FORM_HEADERS,
};

const callers = ['arn:aws:iam::123456789012:role/orders-service'];

/** A document with the profile `orders`. */
export const ordersProfile = (issuer: string) => ({
  profiles: { orders: { issuer, secret: 'orders', scopes: ['openid'], callers } },
});

/** The name of one of many profiles. */
export const serviceName = (number: number): string => `service-${number}`;

/** A document with many profiles of one issuer, each with its secret and scopes. */
export const serviceProfiles = (
  count: number,
  of: (name: string) => { secret: string; scopes: string[] },
  issuer = 'https://zitadel.example',
) => ({
  profiles: perName(
    Array.from({ length: count }, (_, number) => serviceName(number)),
    (name) => ({ issuer, callers, ...of(name) }),
  ),
});

/** How ZITADEL answers a token request in this process. */
export const tokenAnswer = (accessToken: string, expiresInSeconds: number) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ access_token: accessToken, token_type: 'Bearer', expires_in: expiresInSeconds }),
});
