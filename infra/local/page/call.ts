import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Profile } from '../../../lib/broker/profiles/profile.ts';
import { ASSERTION_FORM, audienceOf, federatedUrl } from '../curl.ts';
import type { Principal } from '../gateway/sigv4.ts';
import type { Issuer } from '../issuers.ts';
import { readBody } from '../stand-in.ts';

/** The gateway of the stack, as a service knows it. */
export interface Broker {
  readonly url: string;
  readonly region: string;
  /** With https: the authority to trust, in PEM. */
  readonly authority?: string;
}

/** An endpoint of a profile. */
export type Endpoint = 'token' | 'introspect' | 'revoke';

/** What the broker answers; no members if that is no JSON object. */
export interface Reply {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

function parse(text: string): Reply['members'] {
  try {
    return Object(JSON.parse(text)) as Reply['members'];
  } catch {
    return {};
  }
}

/** Posts a form. */
function post(
  url: URL,
  { headers, body, authority }: { headers: object; body: string; authority: string | undefined },
) {
  return new Promise<Reply>((resolve, reject) => {
    const send = url.protocol === 'https:' ? secureRequest : request;
    const options = { method: 'POST', headers: { ...headers }, agent: false, ...(authority && { ca: authority }) };
    send(url, options, (response) => {
      readBody(response).then((text) => resolve({ status: response.statusCode ?? 0, members: parse(text) }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Sends a form to an endpoint of the broker, signed as a service signs it. */
export async function callBroker(
  { url: base, region, authority }: Broker,
  { principal, profile, endpoint, form }: { principal: Principal; profile: string; endpoint: Endpoint; form: object },
): Promise<Reply> {
  const url = new URL(`${base}/${profile}/oauth/v2/${endpoint}`);
  const body = new URLSearchParams({ ...form }).toString();
  const signer = new SignatureV4({
    service: 'execute-api',
    region,
    credentials: principal,
    sha256: Hash.bind(null, 'sha256'),
  });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { host: url.host, ...FORM },
    body,
  });
  return post(url, { headers, body, authority });
}

/** Sends an assertion of an issuer's workload, without a signature. */
export async function callFederated(
  { url, authority }: Omit<Broker, 'region'>,
  profile: Profile,
  issuer: Issuer,
): Promise<Reply> {
  const assertion = await fetch(issuer.tokenUrl(audienceOf({ url })));
  const body = new URLSearchParams({ ...ASSERTION_FORM, client_assertion: await assertion.text() }).toString();
  return post(new URL(federatedUrl({ url }, profile)), { headers: FORM, body, authority });
}
