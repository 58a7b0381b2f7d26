import { Sha256 } from '@aws-crypto/sha256-js';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';

const signer = new SignatureV4({
  service: 'execute-api',
  region: process.env.AWS_REGION ?? 'eu-central-1',
  credentials: fromNodeProviderChain(), // the role of this Lambda, container or shell
  sha256: Sha256,
});

/** The parts of `RequestInit` that are signed. */
export interface Unsigned {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** `fetch`, signed with AWS Signature Version 4. The signature replaces an `Authorization` header. */
export async function signedFetch(target: string | URL, init: Unsigned = {}): Promise<Response> {
  const { host, hostname, pathname, protocol, searchParams, href } = new URL(target);
  const query = Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));
  const method = init.method ?? 'GET';
  const given = Object.entries(init.headers ?? {}).filter(([name]) => name.toLowerCase() !== 'authorization');
  const body = init.body === undefined || init.body === null ? {} : { body: String(init.body) };
  const unsigned = {
    method,
    protocol,
    hostname,
    path: pathname,
    query,
    headers: { ...Object.fromEntries(given), host },
  };
  const { headers } = await signer.sign(new HttpRequest({ ...unsigned, ...body }));
  return fetch(href, { method, headers, ...body, redirect: 'manual' });
}
