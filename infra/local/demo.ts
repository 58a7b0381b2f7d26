import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Issuers } from './issuers.ts';
import { createIds } from './zitadel/ids.ts';

/** The demonstration of the local stack, for use without profiles: one service for each kind of credential. */
export interface Demo {
  /** Accounts of the ZITADEL stand-in. */
  readonly accounts: object;
  /** By name, as in AWS Secrets Manager. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The document of profiles for an issuer; the workloads of `issuers` may use the profile orders. */
  readonly profiles: (issuer: string, issuers?: Issuers) => object;
}

/** A client secret. */
export const createSecret = (): string => randomBytes(48).toString('base64url');

/** A key in ZITADEL's format: 2048-bit RSA in PKCS#1. */
export async function createPem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

const caller = (role: string) => [`arn:aws:iam::123456789012:role/${role}`];

/** Creates accounts with new keys and secrets, and the matching profiles and secrets. */
export async function createDemo(): Promise<Demo> {
  const nextId = createIds();
  const id = () => nextId(Date.now());
  const [serviceKey, applicationKey] = await Promise.all([createPem(), createPem()]);
  const project = id();
  const saSecret = { userId: id(), username: 'orders-worker', clientId: 'orders-worker', clientSecret: createSecret() };
  const reportsKey = {
    type: 'serviceaccount',
    keyId: id(),
    key: serviceKey,
    expirationDate: '9999-12-31T23:59:59Z',
    userId: id(),
  };
  const oidcKey = { type: 'application', keyId: id(), key: applicationKey, appId: id(), clientId: id() };
  const oidcSecret = { appId: id(), clientId: id(), clientSecret: createSecret() };
  const apiSecret = { appId: id(), clientId: id(), clientSecret: createSecret() };
  const audience = `urn:zitadel:iam:org:project:id:${project}:aud`;
  return {
    accounts: {
      org: id(),
      project,
      otherProject: id(),
      saSecret,
      saKey: { username: 'reports', key: reportsKey },
      oidcKey,
      oidcSecret,
      apiSecret,
    },
    secrets: {
      'zitadel/orders': JSON.stringify({ clientId: saSecret.clientId, clientSecret: saSecret.clientSecret }),
      'zitadel/reports': JSON.stringify(reportsKey),
      'zitadel/billing': JSON.stringify(oidcKey),
      'zitadel/api': JSON.stringify({ clientId: apiSecret.clientId, clientSecret: apiSecret.clientSecret }),
      'zitadel/shipping': JSON.stringify({ clientId: oidcSecret.clientId, clientSecret: oidcSecret.clientSecret }),
    },
    profiles: (issuer, issuers = []) => ({
      ...(issuers.length > 0 && {
        issuers: Object.fromEntries(issuers.map(({ kind, url }) => [kind, { kind, issuer: url }])),
      }),
      profiles: {
        orders: {
          issuer,
          secret: 'zitadel/orders',
          scopes: [audience, 'urn:zitadel:iam:org:projects:roles'],
          introspection: 'zitadel/api',
          revocation: { secret: 'zitadel/shipping', callers: caller('orders-service') },
          callers: [...caller('orders-service'), ...issuers.map(({ kind, caller: matcher }) => ({ [kind]: matcher }))],
          prewarm: true,
        },
        reports: {
          issuer,
          secret: 'zitadel/reports',
          scopes: [audience],
          callers: caller('reports-service'),
          rotation: { every: '30d' },
        },
        billing: { issuer, secret: 'zitadel/billing', subject: 'reports', callers: caller('billing-service') },
        shipping: {
          issuer,
          secret: 'zitadel/shipping',
          subject: 'orders',
          scopes: [audience],
          callers: caller('shipping-service'),
        },
        portal: {
          issuer,
          secret: 'zitadel/shipping',
          scopes: [audience],
          exchange: {},
          callers: caller('orders-service'),
        },
      },
    }),
  };
}
