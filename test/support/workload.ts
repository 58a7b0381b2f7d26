import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { tokenEvent } from './events.ts';
import { START } from './rig.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ISSUER = 'https://cluster.example';

/** A cluster's issuer, whose keys are pinned: nothing is contacted. */
export const ISSUERS = {
  cluster: { kind: 'kubernetes', issuer: ISSUER, jwks: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1' }] },
};

/** A pod of the cluster, as a profile lists it. */
export const WORKLOAD = { kubernetes: { issuer: 'cluster', namespace: 'shop', serviceAccount: 'orders' } };

/** The projected token of the pod, at the start of a rig. */
export const projectedToken = (changes: object = {}): Promise<string> =>
  new SignJWT({
    iss: ISSUER,
    sub: 'system:serviceaccount:shop:orders',
    aud: ['https://broker.example/federated'],
    iat: START / 1000 - 60,
    exp: START / 1000 + 3000,
    'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders' } },
    ...changes,
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .sign(privateKey);

/** The members of a form that say who the pod is. */
export const assertion = async (changes: object = {}) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await projectedToken(changes),
});

/** The event of a token request without IAM. */
export const federatedEvent = (profile: string, form: Readonly<Record<string, string>>, changes: object = {}) =>
  tokenEvent(profile, new URLSearchParams(form).toString(), {
    rawPath: `/federated/${profile}/oauth/v2/token`,
    requestContext: { domainName: 'broker.example', requestId: 'r1' },
    ...changes,
  });
