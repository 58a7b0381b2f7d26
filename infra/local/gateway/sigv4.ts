import { createHmac, timingSafeEqual } from 'node:crypto';
import { ALGORITHM, type CredentialScope, parseAuthorization, scopeFault } from './authorization.ts';
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
}

/** Why a request is refused, in AWS's wording. */
export interface SignatureFault {
  readonly kind:
    | 'MissingAuthenticationTokenException'
    | 'IncompleteSignatureException'
    | 'InvalidSignatureException'
    | 'UnrecognizedClientException';
  readonly message: string;
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

const fault = (kind: SignatureFault['kind'], message: string): Verification => ({
  ok: false,
  fault: { kind, message },
});
const missing = () => fault('MissingAuthenticationTokenException', 'Missing Authentication Token');
const incomplete = (message: string) => fault('IncompleteSignatureException', message);
const invalid = (message: string) => fault('InvalidSignatureException', message);

// A wrong key id and a wrong session token get the same answer.
const unrecognized = () =>
  fault('UnrecognizedClientException', 'The security token included in the request is invalid.');

const mismatch = () =>
  invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
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

/**
 * Verifies AWS Signature Version 4 in the `Authorization` header, for the service `execute-api`. Ignores a signature in
 * the query (a presigned URL): such a request counts as unsigned.
 */
export function verifySignature(request: WireRequest, { principals, region, nowMs }: Verifier): Verification {
  const [header, ...others] = headerValues(request, 'authorization');
  if (header === undefined) return missing();
  const authorization = parseAuthorization(others.length === 0 ? header : '');
  if (typeof authorization === 'string') return incomplete(authorization);
  const { accessKeyId, scope, signedHeaders, signature } = authorization;

  const instantMs = signedAtMs(request);
  if (instantMs === undefined) {
    return incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  const outOfScope = scopeFault(scope, amzDate(instantMs).slice(0, 8), region);
  if (outOfScope !== '') return invalid(outOfScope);
  const skew = skewFault(instantMs, nowMs);
  if (skew !== undefined) return invalid(skew);

  if (!signedHeaders.includes('host')) return invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  // An absent header would have the same signature as an empty one, so it must be present.
  const arePresent = signedHeaders.every((name) => headerValues(request, name).length > 0);
  if (!arePresent) return mismatch();

  const principal = principals.find((candidate) => candidate.accessKeyId === accessKeyId);
  if (principal === undefined) return unrecognized();
  const tokens = headerValues(request, 'x-amz-security-token');
  if (tokens.length > 1 || !isEqual(tokens[0] ?? '', principal.sessionToken ?? '')) return unrecognized();
  if (tokens.length > 0 && !signedHeaders.includes('x-amz-security-token')) return mismatch();

  const claimedHashes = headerValues(request, 'x-amz-content-sha256');
  if (claimedHashes.some((hash) => hash !== sha256Hex(request.body))) return mismatch();
  const requestHash = sha256Hex(canonicalRequest(request, signedHeaders));
  const stringToSign = [ALGORITHM, amzDate(instantMs), scope.join('/'), requestHash].join('\n');
  const expected = sign(principal.secretAccessKey, scope, stringToSign);
  return isEqual(expected, signature) ? { ok: true, principal } : mismatch();
}
