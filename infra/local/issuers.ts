import { generateKeyPair } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { promisify } from 'node:util';
import { type JWTPayload, SignJWT } from 'jose';
import { listen, type StandIn } from './stand-in.ts';

/** What an issuer of assertions is, and the one workload that it knows. */
interface Kind {
  /** Who the assertions are for, in words. */
  readonly workload: string;
  readonly keysPath: string;
  readonly lifeSeconds: number;
  /** What the claims add to those of every assertion. */
  readonly claims: JWTPayload;
  /** The matcher of the profiles that lists the workload. */
  readonly caller: object;
}

const ORDERS = 'orders';
const SHOP = 'shop';
const MAIN = 'refs/heads/main';

const KINDS = {
  kubernetes: {
    workload: 'a pod of a cluster',
    keysPath: '/openid/v1/jwks',
    lifeSeconds: 3600,
    claims: {
      sub: `system:serviceaccount:${SHOP}:${ORDERS}`,
      'kubernetes.io': { namespace: SHOP, serviceaccount: { name: ORDERS } },
    },
    caller: { namespace: SHOP, serviceAccount: ORDERS },
  },
  github: {
    workload: 'a job at GitHub',
    keysPath: '/.well-known/jwks',
    lifeSeconds: 300,
    claims: {
      sub: `repo:octo@2/app@1:ref:${MAIN}`,
      repository: 'octo/app',
      repository_id: '1',
      repository_owner: 'octo',
      repository_owner_id: '2',
      ref: MAIN,
      event_name: 'push',
    },
    caller: { repositoryId: '1', ownerId: '2', ref: MAIN },
  },
} satisfies Record<string, Kind>;

export type IssuerKind = keyof typeof KINDS;

/** An issuer of assertions on this machine: discovery, keys, and `GET /token?audience=…` in place of a projected file. */
export interface Issuer extends StandIn, Pick<Kind, 'workload' | 'caller'> {
  readonly kind: IssuerKind;
  /** Where an assertion for an audience comes from, as text. */
  readonly tokenUrl: (audience: string) => string;
}

export type Issuers = readonly Issuer[];

async function createIssuer(kind: IssuerKind, now: () => number): Promise<Issuer> {
  const { workload, keysPath, lifeSeconds, claims, caller }: Kind = KINDS[kind];
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const key = { alg: 'RS256', kid: `local-${kind}` };

  const mint = (aud: string): Promise<string> => {
    const iat = Math.floor(now() / 1000);
    return new SignJWT({ iss: standIn.url, aud, iat, nbf: iat, exp: iat + lifeSeconds, ...claims })
      .setProtectedHeader({ ...key, typ: 'JWT' })
      .sign(privateKey);
  };
  const documents: Readonly<Record<string, () => object>> = {
    '/.well-known/openid-configuration': () => ({
      issuer: standIn.url,
      jwks_uri: `${standIn.url}${keysPath}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [key.alg],
    }),
    [keysPath]: () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), ...key, use: 'sig' }] }),
  };
  const answer: RequestListener = async ({ url = '/', method }, res) => {
    const [path = '', query] = url.split('?');
    const audience = new URLSearchParams(query).get('audience');
    const document = Object.hasOwn(documents, path) ? documents[path]?.() : undefined;
    if (method !== 'GET') return res.writeHead(405, { allow: 'GET' }).end();
    if (document !== undefined)
      return res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    if (path !== '/token') return res.writeHead(404).end();
    res.setHeader('content-type', 'text/plain; charset=utf-8');
    if (audience === null) return res.writeHead(400).end('add ?audience=, the URL of the broker and /federated\n');
    return res.setHeader('cache-control', 'no-store').end(await mint(audience));
  };
  const standIn = await listen(answer);
  return { ...standIn, kind, workload, caller, tokenUrl: (audience) => `${standIn.url}/token?audience=${audience}` };
}

/** Starts the issuers of a Kubernetes cluster and of GitHub Actions, with new keys, in the time of `now`. */
export const createIssuers = (now: () => number): Promise<Issuers> =>
  Promise.all((Object.keys(KINDS) as IssuerKind[]).map((kind) => createIssuer(kind, now)));
