import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity } from '@smithy/types';
import type { Clock } from '../../../lib/core/clock.ts';
import type { Result } from '../../../lib/core/result.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { HttpAnswer, HttpClient, HttpFault } from '../../../lib/net/http-client.ts';

/** A request to sign with AWS Signature Version 4: a POST of a body, or a GET without one. */
export interface SignedRequest {
  readonly service: string;
  readonly region: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface SignedDeps {
  readonly clock: Clock;
  readonly http: HttpClient;
  /** The credentials of whoever runs the doctor. */
  readonly credentials: () => Promise<AwsCredentialIdentity>;
}

const LIMIT_MS = 5 * SECOND_MS;

/** Signs a request with AWS's own signer, and sends it. */
export async function sendSigned(
  { service, region, url, headers: given = {}, body }: SignedRequest,
  { clock, http, credentials }: SignedDeps,
): Promise<Result<HttpAnswer, HttpFault>> {
  const signer = new SignatureV4({ service, region, credentials, sha256: Hash.bind(null, 'sha256') });
  const { headers } = await signer.sign(
    {
      method: body === undefined ? 'GET' : 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { ...given, host: url.host },
      ...(body === undefined ? {} : { body }),
    },
    { signingDate: new Date(clock.now()) },
  );
  return http.send({ url, headers, body }, LIMIT_MS);
}
