import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Principal } from '../../infra/local/gateway/sigv4.ts';

/** An answer as a service gets it. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body's members; empty where it is no JSON object. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface SignedRequest {
  readonly url: string;
  readonly principal: Principal;
  readonly at: Date;
  readonly body: string;
  readonly contentType?: string;
  /** For https: the certificate of the authority to trust, in PEM. */
  readonly authority?: string;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The headers of a POST that is signed (AWS Signature Version 4, service `execute-api`) by the official signer. */
export async function signedHeaders({
  url,
  principal,
  at,
  body,
  contentType,
}: SignedRequest): Promise<Readonly<Record<string, string>>> {
  const { hostname, port, pathname } = new URL(url);
  const signer = new SignatureV4({
    service: 'execute-api',
    region: 'eu-central-1',
    sha256: Sha256,
    credentials: principal,
  });
  const signed = await signer.sign(
    new HttpRequest({
      method: 'POST',
      protocol: 'http:',
      hostname,
      port: Number(port),
      path: pathname,
      headers: { host: `${hostname}:${port}`, 'content-type': contentType ?? 'application/x-www-form-urlencoded' },
      body,
    }),
    { signingDate: at },
  );
  return signed.headers;
}

/** POSTs a body with {@link signedHeaders}. */
export async function sendSigned(asked: SignedRequest): Promise<Reply> {
  const headers = await signedHeaders(asked);
  return new Promise((resolve, reject) => {
    const send = asked.url.startsWith('https:') ? secureRequest : request;
    const options = { method: 'POST', headers, agent: false, ...(asked.authority && { ca: asked.authority }) } as const;
    const sent = send(asked.url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) }),
      );
    });
    sent.on('error', reject);
    sent.end(asked.body);
  });
}
