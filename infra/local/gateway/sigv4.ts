import { createHmac, timingSafeEqual } from 'node:crypto';
import { ALGORITHM, type CredentialScope, lacking, parseAuthorization, scopeFault } from './authorization.ts';
import { canonicalRequest, sha256Hex } from './canonical.ts';
import { headerValues, type WireRequest } from './request.ts';
import { amzDate, signedAtMs, skewFault } from './signing-date.ts';

/** A principal that can sign requests, and what AWS knows about it. */
export interface Principal {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only temporary credentials have one; every request with them must contain it. */
  readonly sessionToken?: string;
  /** `arn:aws:sts::123456789012:assumed-role/orders-service/session` */
  readonly userArn: string;
  /** `AROAEXAMPLE:session` */
  readonly callerId: string;
  /** The organization of the principal's account, if any. */
  readonly principalOrgId?: string;
  /** What its IAM policy allows `execute-api:Invoke` on: `POST/orders/oauth/v2/token`. Default: everything. */
  readonly mayInvoke?: ReadonlySet<string>;
}

/** Why a request is refused. */
export interface SignatureFault {
  readonly kind:
    | 'MissingAuthenticationTokenException'
    | 'IncompleteSignatureException'
    | 'InvalidSignatureException'
    | 'UnrecognizedClientException';
  /** In the words of API Gateway. */
  readonly message: string;
  /** For whoever runs the local stack: what the caller must change. Without secrets. */
  readonly reason: string;
}

/** The principal that signed the request, or why the signature is not accepted. */
export type Verification =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly fault: SignatureFault };

/** What a signature is checked against. `nowMs` is epoch milliseconds. */
export interface Verifier {
  readonly principals: readonly Principal[];
  readonly region: string;
  readonly nowMs: number;
}

const refuse = (kind: SignatureFault['kind'], message: string, reason: string): Verification => ({
  ok: false,
  fault: { kind, message, reason },
});
const missing = (reason: string) =>
  refuse('MissingAuthenticationTokenException', 'Missing Authentication Token', reason);
const incomplete = (message: string, reason: string) => refuse('IncompleteSignatureException', message, reason);
const invalid = (message: string, reason: string) => refuse('InvalidSignatureException', message, reason);

// A wrong key id and a wrong session token get the same answer.
const unrecognized = (reason: string) =>
  refuse('UnrecognizedClientException', 'The security token included in the request is invalid.', reason);

const mismatch = (reason: string) =>
  invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    reason,
  );

function sign(secretAccessKey: string, scope: CredentialScope, stringToSign: string): string {
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const signingKey = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(signingKey, stringToSign).toString('hex');
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The name of a scheme that clients use by mistake. What else stands there may be a secret. */
const schemeOf = (header: string): string =>
  /^(?:Basic|Bearer|DPoP|Digest|ApiKey)(?= )/i.exec(header)?.[0] ?? 'unknown';

/** An access key id as AWS writes it. What else a caller sends may be a secret. */
const keyName = (id: string): string => (/^A[A-Z]{3}[A-Z0-9]{4,124}$/.test(id) ? id : 'that it names');

/** What callers that sign the wrong thing have signed instead. */
const MISTAKES: readonly { readonly change: (request: WireRequest) => WireRequest; readonly reason: string }[] = [
  {
    change: (request) => ({ ...request, body: Buffer.alloc(0) }),
    reason: 'the caller signed an empty body, and sent another',
  },
  {
    change: (request) => ({
      ...request,
      headers: request.headers.map(
        ([name, value]) => [name, name.toLowerCase() === 'host' ? value.replace(/:\d+$/, '') : value] as const,
      ),
    }),
    reason: 'the caller signed the host without its port',
  },
];

/**
 * Verifies AWS Signature Version 4 in the `Authorization` header, for the service `execute-api`. Ignores a signature in
 * the query (a presigned URL): such a request counts as unsigned.
 */
export function verifySignature(request: WireRequest, { principals, region, nowMs }: Verifier): Verification {
  const [header, ...others] = headerValues(request, 'authorization');
  if (header === undefined) {
    return missing(
      /(?:^|&)X-Amz-Signature=/i.test(request.query)
        ? 'its signature is in the query; send it in the Authorization header'
        : 'it is not signed: it has no Authorization header; sign it with AWS Signature Version 4',
    );
  }
  const instantMs = signedAtMs(request);
  const single = others.length === 0 ? header : [header, ...others].join(',');
  const authorization = parseAuthorization(single, instantMs !== undefined);
  if (authorization === undefined) return missing(`the algorithm of its signature is not ${ALGORITHM}`);
  if (typeof authorization === 'string') {
    const isSignature = header.startsWith(ALGORITHM);
    return incomplete(
      authorization,
      isSignature
        ? `its Authorization header is not a complete signature (${others.length > 0 ? 'there are several' : 'Credential, SignedHeaders, Signature'})`
        : `its Authorization header (scheme ${schemeOf(header)}) is not a signature: remove it, and sign with AWS Signature Version 4`,
    );
  }
  const { accessKeyId, scope, signedHeaders, signature } = authorization;
  if (instantMs === undefined) return incomplete(lacking(header, [], false), 'it has no valid x-amz-date header');
  const outOfScope = scopeFault(scope, amzDate(instantMs).slice(0, 8), region);
  if (outOfScope !== undefined) return invalid(outOfScope.message, outOfScope.reason);
  const skew = skewFault(instantMs, nowMs);
  if (skew !== undefined) {
    const seconds = Math.round(Math.abs(nowMs - instantMs) / 1000);
    return invalid(
      skew,
      `it was signed ${seconds} s ${instantMs < nowMs ? 'ago' : 'in the future'}, more than 5 minutes: sign each request anew, and set the caller's clock`,
    );
  }

  if (!signedHeaders.includes('host')) {
    return invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.", 'the header host is not signed');
  }
  // An absent header would have the same signature as an empty one, so it must be present.
  const absent = signedHeaders.filter((name) => headerValues(request, name).length === 0);
  if (absent.length > 0) {
    const names = absent.filter((name) => /^[a-z0-9-]{1,60}$/.test(name)).join(', ');
    return mismatch(`a signed header did not arrive: ${names}`);
  }

  const principal = principals.find((candidate) => candidate.accessKeyId === accessKeyId);
  if (principal === undefined) {
    return unrecognized(
      `there is no access key ${keyName(accessKeyId)}: keys are new at each start; use those that this one printed`,
    );
  }
  const tokens = headerValues(request, 'x-amz-security-token');
  if (tokens.length > 1 || !isEqual(tokens[0] ?? '', principal.sessionToken ?? '')) {
    return unrecognized(
      principal.sessionToken === undefined
        ? 'it has a session token, but its access key has none'
        : tokens.length === 0
          ? 'it lacks its session token: send x-amz-security-token, as with every role, and sign it'
          : 'its session token is not that of its access key',
    );
  }
  if (tokens.length > 0 && !signedHeaders.includes('x-amz-security-token')) {
    return mismatch('the header x-amz-security-token is not signed');
  }

  const claimedHashes = headerValues(request, 'x-amz-content-sha256');
  if (claimedHashes.some((hash) => hash !== sha256Hex(request.body))) {
    return mismatch('the body is not the one that was signed: x-amz-content-sha256 is not its hash');
  }
  const isSigned = (signed: WireRequest): boolean => {
    const requestHash = sha256Hex(canonicalRequest(signed, signedHeaders));
    const stringToSign = [ALGORITHM, amzDate(instantMs), scope.join('/'), requestHash].join('\n');
    return isEqual(sign(principal.secretAccessKey, scope, stringToSign), signature);
  };
  if (isSigned(request)) return { ok: true, principal };
  const mistake = MISTAKES.find(({ change }) => isSigned(change(request)));
  return mismatch(
    mistake?.reason ?? 'the secret key is wrong, or body, path, query or a signed header changed after it was signed',
  );
}
