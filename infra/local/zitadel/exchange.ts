import type { Application, ServiceAccount } from './accounts.ts';
import { APPLICATION_AHEAD_SECONDS, isValid, parseAssertion } from './assertions.ts';
import { orgClaims } from './claims.ts';
import { isReply, json, type Reply, type Request, refuse } from './http.ts';
import { activeSession, type Instance } from './instance.ts';
import { expiresIn, ID_TOKEN_LIFETIME_SECONDS, issueAccessToken, issueIdToken } from './issue.ts';
import { allowsApplication, keepAllowed, requestedScopes } from './scopes.ts';

const TYPE_PREFIX = 'urn:ietf:params:oauth:token-type:';
const ACCESS_TOKEN = `${TYPE_PREFIX}access_token`;
const ID_TOKEN = `${TYPE_PREFIX}id_token`;
const JWT = `${TYPE_PREFIX}jwt`;
const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';
const TYPES = new Set([ACCESS_TOKEN, `${TYPE_PREFIX}refresh_token`, ID_TOKEN, JWT, USER_ID]);

/** The token that goes in, once it is found good. */
interface Subject {
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  readonly authMethods: readonly string[];
  readonly authTime: number | undefined;
  /** Somebody else must act for it. */
  readonly needsActor: boolean;
}

const bare = (userId: string): Subject => ({
  userId,
  scopes: [],
  audience: [],
  authMethods: [],
  authTime: undefined,
  needsActor: true,
});

function findSubject(instance: Instance, request: Request, client: Application): Subject | undefined {
  const token = request.form.last('subject_token');
  const { issuer, nowMs } = request;
  switch (request.form.last('subject_token_type')) {
    case ACCESS_TOKEN: {
      const session = activeSession(instance, token, issuer, nowMs);
      const isForClient = session?.audience.some((entry) => entry === client.clientId || entry === client.projectId);
      // The time of the sign-in does not go over.
      return session && isForClient ? { ...session, authTime: undefined, needsActor: false } : undefined;
    }
    case ID_TOKEN: {
      const claims = instance.idTokens.find(token);
      const isCurrent = claims?.iss === issuer && Number(claims.exp) * 1000 > nowMs;
      // ZITADEL loses the account of an ID token that does not name the organization.
      if (!isCurrent || claims['urn:zitadel:iam:user:resourceowner:id'] === undefined) return undefined;
      return {
        userId: String(claims.sub),
        scopes: [],
        audience: claims.aud as readonly string[],
        authMethods: (claims.amr as readonly string[] | undefined) ?? [],
        authTime: claims.auth_time as number | undefined,
        needsActor: false,
      };
    }
    case JWT: {
      const assertion = parseAssertion(token);
      const conditions = { issuer, nowMs, aheadSeconds: APPLICATION_AHEAD_SECONDS, keys: client.keys };
      return assertion && isValid(assertion, conditions) ? bare(assertion.subject) : undefined;
    }
    case USER_ID:
      return bare(token);
    default:
      return undefined;
  }
}

function checkParameters({ form }: Request): Reply | undefined {
  const isUnknown = (name: string) => form.last(name) !== '' && !TYPES.has(form.last(name));
  const missing = ['subject_token', 'subject_token_type'].find((name) => form.last(name) === '');
  if (missing !== undefined) return refuse('invalid_request', `${missing} missing`);
  const unknown = ['subject_token_type', 'requested_token_type', 'actor_token_type'].find(isUnknown);
  if (unknown !== undefined) return refuse('invalid_request', `${unknown} is not supported`);
  return form.all('resource').length > 0 ? refuse('invalid_target', 'resource parameter not supported') : undefined;
}

/** Exchanges a token of this instance for one of the client's, with the same or less scope and audience (RFC 8693). */
export async function exchangeToken(instance: Instance, request: Request, client: Application): Promise<Reply> {
  const { form } = request;
  const fault = checkParameters(request);
  if (fault !== undefined) return fault;
  const subject = findSubject(instance, request, client);
  const user = subject && instance.accounts.users.get(subject.userId);
  if (subject === undefined || user === undefined) return refuse('invalid_request', 'subject_token invalid');
  if (subject.needsActor || form.last('actor_token') !== '') {
    return refuse('invalid_request', 'Errors.TokenExchange.Impersonation.PolicyDisabled', 403);
  }

  const audience = form.all('audience').length > 0 ? form.all('audience') : subject.audience;
  const foreign = audience.find((entry) => !subject.audience.includes(entry));
  if (foreign !== undefined) {
    return refuse('invalid_target', `audience ${JSON.stringify(foreign)} not found in subject or actor token`);
  }
  const requested = requestedScopes(request).filter((scope) => scope !== '');
  const wider = requested.find((scope) => !subject.scopes.includes(scope));
  if (wider !== undefined) {
    return refuse('invalid_scope', `scope ${JSON.stringify(wider)} not found in subject or actor token`);
  }
  const scopes = keepAllowed(requested.length > 0 ? requested : subject.scopes, allowsApplication);
  if (isReply(scopes)) return scopes;
  return answer(instance, request, client, user, { ...subject, scopes, audience });
}

async function answer(
  instance: Instance,
  request: Request,
  { clientId }: Application,
  user: ServiceAccount,
  { scopes, audience, authMethods, authTime }: Subject,
): Promise<Reply> {
  const type = request.form.last('requested_token_type') || ACCESS_TOKEN;
  const grant = { user, clientId, scopes, audience, authMethods, authTime };
  const claims = orgClaims(instance.accounts.org, scopes);
  const scope = scopes.join(' ');
  if (type === ID_TOKEN) {
    return json({
      access_token: await issueIdToken(instance, request, grant, { claims }),
      issued_token_type: type,
      token_type: 'N_A',
      expires_in: expiresIn(ID_TOKEN_LIFETIME_SECONDS),
      scope,
    });
  }
  if (type !== ACCESS_TOKEN && type !== JWT) {
    return refuse('invalid_request', 'Errors.TokenExchange.Token.TypeNotSupported');
  }
  if (user.state !== 'active') return refuse('invalid_request', 'Errors.User.NotActive');
  const accessToken = await issueAccessToken(instance, request, grant, type === JWT ? claims : undefined);
  return json({
    access_token: accessToken,
    issued_token_type: type,
    token_type: 'Bearer',
    expires_in: expiresIn(instance.tokenLifetimeSeconds),
    scope,
    id_token: scopes.includes('openid')
      ? await issueIdToken(instance, request, grant, { claims, accessToken })
      : undefined,
  });
}
