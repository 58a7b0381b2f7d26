import { encodeFormValue } from './form.ts';

/** How a client authenticates at a token, introspection or revocation endpoint. */
export interface ClientAuthentication {
  readonly authorization?: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Values that must not be logged. */
  readonly secrets: readonly string[];
}

/** RFC 7523 §2.2. */
const JWT_BEARER_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** `client_secret_basic` (RFC 6749 §2.3.1): each half form-url-encoded, then joined, then base64. */
export function clientSecretBasic(clientId: string, clientSecret: string): ClientAuthentication {
  const encodedSecret = encodeFormValue(clientSecret);
  const credentials = Buffer.from(`${encodeFormValue(clientId)}:${encodedSecret}`).toString('base64');
  return {
    authorization: `Basic ${credentials}`,
    parameters: {},
    secrets: [clientSecret, encodedSecret, credentials],
  };
}

/** `private_key_jwt` (RFC 7523 §2.2, OpenID Connect Core §9) with an assertion that the client signed. */
export function privateKeyJwt(assertion: string): ClientAuthentication {
  return {
    parameters: { client_assertion_type: JWT_BEARER_ASSERTION_TYPE, client_assertion: assertion },
    secrets: [assertion],
  };
}
