/** Keys of an IAM role, as the providers of the AWS SDK give them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

/** A POST before it is signed. `url` has no query. */
export interface Unsigned {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Who signs, for which region, and when, in epoch milliseconds. */
export interface Signer {
  readonly credentials: AwsCredentials;
  readonly region: string;
  readonly nowMs: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'execute-api';

const encoder = new TextEncoder();

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

const sha256 = async (text: string): Promise<string> =>
  hex(await crypto.subtle.digest('SHA-256', encoder.encode(text)));

async function hmac(key: ArrayBuffer | Uint8Array<ArrayBuffer>, text: string): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return crypto.subtle.sign('HMAC', imported, encoder.encode(text));
}

/** A path as API Gateway expects it to be signed: without empty segments, and encoded once more. */
const canonicalPath = (path: string): string =>
  path
    .replace(/\/{2,}/g, '/')
    .replace(/[^/]+/g, (segment) =>
      encodeURIComponent(segment).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`),
    );

/** `20260102T030405Z` */
const amzDate = (nowMs: number): string => new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, '');

/**
 * The headers of a POST, signed with AWS Signature Version 4 for the service `execute-api`. `host` is signed, and left to
 * whoever sends the request.
 */
export async function sign(
  { url, headers, body }: Unsigned,
  { credentials, region, nowMs }: Signer,
): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const date = amzDate(nowMs);
  const sent: Record<string, string> = { ...headers, 'x-amz-date': date };
  if (sessionToken) sent['x-amz-security-token'] = sessionToken;
  // By name, since a comma, which joins it with its value here, comes before the hyphen, letters and digits.
  const signed = Object.entries({ ...sent, host: url.host }).sort();
  const names = signed.map(([name]) => name).join(';');
  const lines = signed.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, ' ')}\n`).join('');
  const request = ['POST', canonicalPath(url.pathname), '', lines, names, await sha256(body)].join('\n');

  const steps = [date.slice(0, 8), region, SERVICE, 'aws4_request'];
  let key: ArrayBuffer | Uint8Array<ArrayBuffer> = encoder.encode(`AWS4${secretAccessKey}`);
  for (const step of steps) key = await hmac(key, step);
  const scope = steps.join('/');
  const signature = hex(await hmac(key, [ALGORITHM, date, scope, await sha256(request)].join('\n')));
  return {
    ...sent,
    authorization: `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
