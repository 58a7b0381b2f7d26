import { type Canaries, createCanaries } from '../../support/canaries.ts';
import { accounts } from '../../support/rig.ts';

const pemBody = (pem: string): string => pem.split('\n').slice(1, -2).join('');

/** The AWS credentials of the functions. */
export const AWS_KEY = { id: 'AKIAPROCESSESTEST000', secret: 'wq8Zr3Lk9XtVb2Nm5Yc7Hd1Js4Gf6PaQeUoIiRxT' };

function plantCredentials(): Canaries {
  const canaries = createCanaries();
  const { saSecret, oidcSecret, apiSecret, saKey, oidcKey } = accounts;
  canaries.plant('client secret', saSecret.clientSecret);
  canaries.plant('secret of the revoking application', oidcSecret.clientSecret);
  canaries.plant('secret of the introspecting application', apiSecret.clientSecret);
  canaries.plant('service-account key', pemBody(saKey.key.key));
  canaries.plant('application key', pemBody(oidcKey.key));
  canaries.plant('AWS key', AWS_KEY.secret);
  return canaries;
}

/** What of the traffic with ZITADEL is secret: client authentication, assertions, tokens of both directions. */
const SECRET_MEMBERS = [
  /authorization: basic ([\w+/=]{20,})/gi,
  /(?:^|[\n&])(?:\w+_)?(?:assertion|token)=([\w%.~-]{20,})/g,
  /"access_token":"([\w.-]{20,})"/g,
];

/** What one world has let be seen. */
export interface Evidence {
  /** All that went to ZITADEL and came back (latin1): what there is to leak. */
  readonly traffic: string;
  /** All that came out: what the processes wrote and answered, the rows of the table. */
  readonly text: string;
  /** What of it was written to standard error. */
  readonly stderr: string;
}

/** Names the secrets of which a piece has come out: the credentials, and all that was secret in the traffic. */
export function findLeaks(evidence: readonly Evidence[]): readonly string[] {
  const canaries = plantCredentials();
  for (const { traffic } of evidence) {
    for (const [, secret = ''] of SECRET_MEMBERS.flatMap((pattern) => [...traffic.matchAll(pattern)])) {
      canaries.plant('traffic with ZITADEL', decodeURIComponent(secret));
    }
  }
  return evidence.flatMap(({ text }) => canaries.search(text));
}
