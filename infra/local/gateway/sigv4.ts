import { createHmac, timingSafeEqual } from 'node:crypto';
import { ALGORITHM, type CredentialScope, lacking, parseAuthorization, scopeFault } from './authorization.ts';
import { canonicalRequest, sha256Hex } from './canonical.ts';
import { headerValues, type WireRequest } from './request.ts';
import {
  incomplete,
  invalid,
  keyName,
  mismatch,
  missing,
  type Refused,
  schemeOf,
  unrecognized,
} from './signature-fault.ts';
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

/** The principal that signed the request, or why the signature is not accepted. */
export type Verification = { readonly ok: true; readonly principal: Principal } | Refused;

/** What a signature is checked against. `nowMs` is epoch milliseconds. */
export interface Verifier {
  readonly principals: readonly Principal[];
  readonly region: string;
  readonly nowMs: number;
}

function sign(secretAccessKey: string, scope: CredentialScope, stringToSign: string): string {
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const signingKey = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(signingKey, stringToSign).toString('hex');
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

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

function headerReason(header: string, isOneOfSeveral: boolean): string {
  if (isOneOfSeveral) return 'it has several Authorization headers';
  return header.startsWith(ALGORITHM)
    ? 'its Authorization header is not a complete signature (Credential, SignedHeaders, Signature)'
    : `its Authorization header (scheme ${schemeOf(header)}) is not a signature: remove it, and sign with AWS Signature Version 4`;
}

function tokenReason(principal: Principal, isSent: boolean): string {
  if (principal.sessionToken === undefined) return 'it has a session token, but its access key has none';
  if (isSent) return 'its session token is not that of its access key';
  return 'it lacks its session token: send x-amz-security-token, as with every role, and sign it';
}

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
  if (typeof authorization === 'string') return incomplete(authorization, headerReason(header, others.length > 0));
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
    return unrecognized(tokenReason(principal, tokens.length > 0));
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
