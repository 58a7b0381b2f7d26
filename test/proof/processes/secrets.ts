import { createCanaries } from '../../support/canaries.ts';
import { accounts } from '../../support/rig.ts';

const pemBody = (pem: string): string => pem.split('\n').slice(1, -2).join('');

/** The AWS credentials of the functions. */
export const AWS_KEY = { id: 'AKIAPROCESSESTEST000', secret: 'wq8Zr3Lk9XtVb2Nm5Yc7Hd1Js4Gf6PaQeUoIiRxT' };

const { saSecret, oidcSecret, apiSecret, saKey, oidcKey } = accounts;

const CREDENTIALS = {
  'client secret': saSecret.clientSecret,
  'secret of the revoking application': oidcSecret.clientSecret,
  'secret of the introspecting application': apiSecret.clientSecret,
  'service-account key': pemBody(saKey.key.key),
  'application key': pemBody(oidcKey.key),
  'AWS key': AWS_KEY.secret,
};

/** What of the traffic with ZITADEL is secret: client authentication, assertions, tokens of both directions. */
const SECRET_MEMBERS = [
  /authorization: basic ([\w+/=]{20,})/gi,
  /(?:^|[\n&])(?:\w+_)?(?:assertion|token)=([\w%.~-]{20,})/g,
  /"access_token":"([\w.-]{20,})"/g,
];

/** What went through a world, and what came out of it. */
export interface Evidence {
  /** Everything between the broker and ZITADEL (latin1): what there is to leak. */
  readonly traffic: string;
  /** Everything that came out: what the processes wrote and answered, the rows of the table. */
  readonly text: string;
  /** What of it was written to standard error. */
  readonly stderr: string;
}

/** Names the secrets of which a piece has come out: the credentials, and everything secret in the traffic. */
export function findLeaks(evidence: readonly Evidence[]): readonly string[] {
  const canaries = createCanaries();
  for (const [name, secret] of Object.entries(CREDENTIALS)) canaries.plant(name, secret);
  for (const { traffic } of evidence) {
    for (const [, secret = ''] of SECRET_MEMBERS.flatMap((pattern) => [...traffic.matchAll(pattern)])) {
      canaries.plant('traffic with ZITADEL', decodeURIComponent(secret));
    }
  }
  return evidence.flatMap(({ text }) => canaries.search(text));
}
