import { generateKeyPairSync } from 'node:crypto';
import { ConfidentialClientApplication, type INetworkModule } from '@azure/msal-node';
import { createServiceAccountInterceptor } from '@zitadel/node/dist/api/interceptors.js';
import { ServiceAccount } from '@zitadel/node/dist/credentials/index.js';
import { UserRefreshClient } from 'google-auth-library';
import { type CallOptions, Metadata } from 'nice-grpc';
import { createBroker } from '../../../client/src/index.ts';

/** Asks for the token, as a caller does before each of its requests. */
export type GetToken = () => Promise<string | null | undefined>;

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** MSAL takes https only: its requests go to the server instead. */
const AUTHORITY = 'https://tokens.example';

function ours(url: string): GetToken {
  const credentials = async () => ({ accessKeyId: 'ASIAX', secretAccessKey: 'secret' });
  // The clock is moved later.
  const now = () => Date.now();
  const orders = createBroker({ url, region: 'eu-central-1', credentials, now }).profile('orders');
  return async () => (await orders.token()).token;
}

function google(url: string): GetToken {
  const endpoints = { oauth2TokenUrl: `${url}/token` };
  const client = new UserRefreshClient({
    clientId: 'orders',
    clientSecret: 'secret',
    refreshToken: 'refresh',
    endpoints,
  });
  return async () => (await client.getAccessToken()).token;
}

function msal(url: string): GetToken {
  const send = async (
    method: string,
    to: string,
    options: { body?: string; headers?: Record<string, string> } = {},
  ) => {
    const init = { method, headers: options.headers ?? {}, body: options.body ?? null };
    const response = await fetch(to.replace(AUTHORITY, url), init);
    const text = (await response.text()).replaceAll(url, AUTHORITY);
    return { headers: Object.fromEntries(response.headers), body: JSON.parse(text), status: response.status };
  };
  const networkClient: INetworkModule = {
    sendGetRequestAsync: (to, options) => send('GET', to, options),
    sendPostRequestAsync: (to, options) => send('POST', to, options),
  };
  const client = new ConfidentialClientApplication({
    auth: {
      clientId: 'orders',
      clientSecret: 'secret',
      authority: AUTHORITY,
      knownAuthorities: ['tokens.example'],
    },
    system: { networkClient, protocolMode: 'OIDC' },
  });
  return async () => (await client.acquireTokenByClientCredential({ scopes: ['orders'] }))?.accessToken;
}

function zitadelNode(url: string): GetToken {
  const account = ServiceAccount.fromJson({ userId: '1', keyId: '2', key: privateKey });
  const intercept = createServiceAccountInterceptor(url, account);
  return async () => {
    const options: CallOptions = { metadata: Metadata() };
    const next = async function* () {};
    const call = { method: {}, requestStream: false, responseStream: false, request: {}, next } as never;
    await intercept(call, options).next();
    return options.metadata?.get('authorization');
  };
}

/** A way to keep tokens. */
interface Contender {
  readonly create: (url: string) => GetToken;
  /** What a program that uses nothing else imports. */
  readonly imports: string;
  /** Hits in a batch: batches take about as long as each other. */
  readonly calls: number;
}

export const CONTENDERS = {
  ours: {
    create: ours,
    imports: "export { createBroker } from './client/src/index.ts'",
    calls: 200_000,
  },
  'google-auth-library': {
    create: google,
    imports: "export { UserRefreshClient } from 'google-auth-library'",
    calls: 400_000,
  },
  '@azure/msal-node': {
    create: msal,
    imports: "export { ConfidentialClientApplication } from '@azure/msal-node'",
    calls: 2_000,
  },
  '@zitadel/node': {
    create: zitadelNode,
    imports: `export { createServiceAccountInterceptor } from '@zitadel/node/dist/api/interceptors.js';
      export { ServiceAccount } from '@zitadel/node/dist/credentials/index.js'`,
    calls: 20_000,
  },
} as const satisfies Readonly<Record<string, Contender>>;

export type Name = keyof typeof CONTENDERS;
export const NAMES = Object.keys(CONTENDERS) as Name[];
