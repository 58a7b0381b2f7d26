import type { ServiceAccount } from './accounts.ts';
import type { Claims } from './claims.ts';
import type { Request } from './http.ts';
import type { Instance } from './instance.ts';
import { type Actor, createOpaqueToken, hashOf } from './tokens.ts';

/** Lifetime of an ID token, a setting of its own: 12 h. */
export const ID_TOKEN_LIFETIME_SECONDS = 43_200;

/** What to issue a token for. */
export interface Grant {
  readonly user: ServiceAccount;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  /** How the account authenticated: the claim `amr`. */
  readonly authMethods: readonly string[];
  readonly authTime: number | undefined;
  readonly actor?: Actor | undefined;
}

const secondsOf = ({ nowMs }: Request): number => Math.floor(nowMs / 1000);

const amr = (methods: readonly string[]) => (methods.length > 0 ? { amr: methods } : {});

const act = (actor: Actor | undefined) => (actor === undefined ? {} : { act: actor });

/** `expires_in` counts from when the answer is sent, shortly after the token is issued. */
export const expiresIn = (lifetimeSeconds: number): number => Math.max(0, lifetimeSeconds - 1);

/** Issues an access token; a JWT (RFC 9068, loosely) with additional claims if they are given. */
export async function issueAccessToken(instance: Instance, request: Request, grant: Grant, jwtClaims?: Claims) {
  const { user, clientId, scopes, audience, authMethods, authTime, actor } = grant;
  const issuedAt = secondsOf(request);
  const expiresAt = issuedAt + instance.tokenLifetimeSeconds;
  const jti = `V2_${instance.nextId(request.nowMs)}-at_${instance.nextId(request.nowMs)}`;
  const token =
    jwtClaims === undefined
      ? createOpaqueToken(instance.release === '4.13')
      : await instance.signer.sign({
          iss: request.issuer,
          sub: user.userId,
          aud: audience.length > 0 ? audience : [clientId],
          exp: expiresAt,
          iat: issuedAt,
          nbf: issuedAt,
          client_id: clientId,
          jti,
          ...act(actor),
          ...jwtClaims,
        });
  instance.sessions.add(token, {
    jti,
    userId: user.userId,
    clientId,
    scopes,
    audience,
    issuedAt,
    expiresAt,
    authMethods,
    authTime,
    actor,
    issuer: jwtClaims && request.issuer,
    isEnded: false,
  });
  instance.issued += 1;
  return token;
}

/** Issues an ID token, with the hash of its access token. */
export async function issueIdToken(
  instance: Instance,
  request: Request,
  { user, clientId, audience, authMethods, authTime, actor }: Grant,
  { claims = {}, accessToken, lifetimeSeconds = ID_TOKEN_LIFETIME_SECONDS }: IdTokenOptions = {},
): Promise<string> {
  const issuedAt = secondsOf(request);
  const idTokenClaims = {
    iss: request.issuer,
    sub: user.userId,
    aud: [...audience.filter((entry) => entry !== clientId), clientId],
    exp: issuedAt + lifetimeSeconds,
    iat: issuedAt,
    ...(authTime === undefined ? {} : { auth_time: authTime }),
    ...amr(authMethods),
    azp: clientId,
    client_id: clientId,
    ...act(actor),
    ...(accessToken === undefined ? {} : { at_hash: hashOf(accessToken) }),
    ...claims,
  };
  const token = await instance.signer.sign(idTokenClaims);
  instance.idTokens.add(token, idTokenClaims);
  return token;
}

export interface IdTokenOptions {
  readonly claims?: Claims;
  readonly accessToken?: string;
  readonly lifetimeSeconds?: number;
}
