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

/** A signature that is not accepted. */
export interface Refused {
  readonly ok: false;
  readonly fault: SignatureFault;
}

const refuse = (kind: SignatureFault['kind'], message: string, reason: string): Refused => ({
  ok: false,
  fault: { kind, message, reason },
});
export const missing = (reason: string) =>
  refuse('MissingAuthenticationTokenException', 'Missing Authentication Token', reason);
export const incomplete = (message: string, reason: string) => refuse('IncompleteSignatureException', message, reason);
export const invalid = (message: string, reason: string) => refuse('InvalidSignatureException', message, reason);

// A wrong key id and a wrong session token get the same answer.
export const unrecognized = (reason: string) =>
  refuse('UnrecognizedClientException', 'The security token included in the request is invalid.', reason);

export const mismatch = (reason: string) =>
  invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    reason,
  );

/** The name of a scheme that clients use by mistake. What else stands there may be a secret. */
export const schemeOf = (header: string): string =>
  /^(?:Basic|Bearer|DPoP|Digest|ApiKey)(?= )/i.exec(header)?.[0] ?? 'unknown';

/** An access key id as AWS writes it. What else a caller sends may be a secret. */
export const keyName = (id: string): string => (/^A[A-Z]{3}[A-Z0-9]{4,124}$/.test(id) ? id : 'that it names');
