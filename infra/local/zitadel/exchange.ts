import type { Application, ServiceAccount } from './accounts.ts';
import { isValid, parseAssertion } from './assertions.ts';
import { orgClaims } from './claims.ts';
import { conditions } from './clients.ts';
import { isReply, json, type Reply, type Request, refuse } from './http.ts';
import { activeSession, type Instance } from './instance.ts';
import { expiresIn, ID_TOKEN_LIFETIME_SECONDS, issueAccessToken, issueIdToken } from './issue.ts';
import { allowsApplication, keepAllowed, requestedScopes } from './scopes.ts';
import type { Actor } from './tokens.ts';

const TYPE_PREFIX = 'urn:ietf:params:oauth:token-type:';
const ACCESS_TOKEN = `${TYPE_PREFIX}access_token`;
const ID_TOKEN = `${TYPE_PREFIX}id_token`;
const JWT = `${TYPE_PREFIX}jwt`;
const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';
const TYPES = new Set([ACCESS_TOKEN, `${TYPE_PREFIX}refresh_token`, ID_TOKEN, JWT, USER_ID]);

interface Exchange {
  readonly instance: Instance;
  readonly request: Request;
  readonly client: Application;
}

/** A valid input token. */
interface Party {
  readonly user: ServiceAccount;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  readonly authMethods: readonly string[];
  readonly authTime: number | undefined;
  readonly actor: Actor | undefined;
}

const NOTHING = { scopes: [], audience: [], authMethods: [], authTime: undefined, actor: undefined };

type Found = Partial<Omit<Party, 'user'>> & { readonly userId: string };

/** How to validate a token of each type. */
const FIND: Readonly<Record<string, (exchange: Exchange, token: string) => Found | undefined>> = {
  [ACCESS_TOKEN]({ instance, request, client }, token) {
    const session = activeSession(instance, token, request.issuer, request.nowMs);
    const isForClient = session?.audience.some((entry) => entry === client.clientId || entry === client.projectId);
    // The time of the sign-in is not copied.
    return session && (isForClient || instance.release === '4.13') ? { ...session, authTime: undefined } : undefined;
  },
  [ID_TOKEN]({ instance, request }, token) {
    const claims = instance.idTokens.find(token);
    const isCurrent = claims?.iss === request.issuer && Number(claims.exp) * 1000 > request.nowMs;
    // ZITADEL loses the account of an ID token that does not name the organization.
    if (!isCurrent || claims['urn:zitadel:iam:user:resourceowner:id'] === undefined) return undefined;
    const { sub, aud, amr, auth_time, act } = claims as {
      readonly sub: string;
      readonly aud: readonly string[];
      readonly amr?: readonly string[];
      readonly auth_time?: number;
      readonly act?: Actor;
    };
    return { userId: sub, audience: aud, authMethods: amr ?? [], authTime: auth_time, actor: act };
  },
  [JWT]({ instance, request, client }, token) {
    const assertion = parseAssertion(token);
    if (assertion === undefined || !isValid(assertion, conditions(instance, request, client))) return undefined;
    return { userId: assertion.subject };
  },
  [USER_ID]: (_, token) => ({ userId: token }),
};

const ACTOR_TYPES = new Set([ACCESS_TOKEN, ID_TOKEN]);

function findParty(exchange: Exchange, token: string, type: string): Party | undefined {
  const found = Object.hasOwn(FIND, type) ? FIND[type]?.(exchange, token) : undefined;
  const user = found && exchange.instance.accounts.users.get(found.userId);
  return user && { ...NOTHING, ...found, user };
}

/** The actor: the subject itself, unless there is an actor token or the subject type requires one. */
function findActor(exchange: Exchange, subject: Party): Party | Reply {
  const { instance, request } = exchange;
  const { form } = request;
  const needsActor = [JWT, USER_ID].includes(form.last('subject_token_type'));
  if (!needsActor && form.last('actor_token') === '') return subject;
  if (instance.impersonators === undefined) {
    return refuse('invalid_request', 'Errors.TokenExchange.Impersonation.PolicyDisabled', 403);
  }
  const type = form.last('actor_token_type');
  const actor = ACTOR_TYPES.has(type) ? findParty(exchange, form.last('actor_token'), type) : undefined;
  return actor ?? refuse('invalid_request', 'actor_token invalid');
}

function checkParameters({ form }: Request): Reply | undefined {
  const isUnknown = (name: string) => form.last(name) !== '' && !TYPES.has(form.last(name));
  const missing = ['subject_token', 'subject_token_type'].find((name) => form.last(name) === '');
  if (missing !== undefined) return refuse('invalid_request', `${missing} missing`);
  const unknown = ['subject_token_type', 'requested_token_type', 'actor_token_type'].find(isUnknown);
  if (unknown !== undefined) return refuse('invalid_request', `${unknown} is not supported`);
  return form.all('resource').length > 0 ? refuse('invalid_target', 'resource parameter not supported') : undefined;
}

const firstFilled = (...lists: readonly (readonly string[])[]) => lists.find(({ length }) => length > 0) ?? [];

/**
 * Exchanges a token of this instance for one of the client's (RFC 8693). Its audience and scopes are those of the
 * subject or the actor: all of them, or the requested ones.
 */
export async function exchangeToken(instance: Instance, request: Request, client: Application): Promise<Reply> {
  const { form } = request;
  const fault = checkParameters(request);
  if (fault !== undefined) return fault;
  const exchange = { instance, request, client };
  const subject = findParty(exchange, form.last('subject_token'), form.last('subject_token_type'));
  if (subject === undefined) return refuse('invalid_request', 'subject_token invalid');
  const actor = findActor(exchange, subject);
  if (isReply(actor)) return actor;

  const audience = firstFilled(form.all('audience'), subject.audience, actor.audience);
  const foreign = audience.find((entry) => ![...subject.audience, ...actor.audience].includes(entry));
  if (foreign !== undefined) {
    return refuse('invalid_target', `audience ${JSON.stringify(foreign)} not found in subject or actor token`);
  }
  const requested = requestedScopes(request).filter((scope) => scope !== '');
  const held = [...subject.scopes, ...actor.scopes];
  const wider = instance.release === '4.13' ? undefined : requested.find((scope) => !held.includes(scope));
  if (wider !== undefined) {
    return refuse('invalid_scope', `scope ${JSON.stringify(wider)} not found in subject or actor token`);
  }
  const scopes = keepAllowed(firstFilled(requested, subject.scopes, actor.scopes), allowsApplication);
  if (isReply(scopes)) return scopes;
  if (actor === subject) return answer(exchange, { ...subject, scopes, audience });
  const { userId } = actor.user;
  if (instance.impersonators?.has(userId) !== true) return refuse('invalid_request', 'membership not found', 404);
  const act = { ...(actor.actor ? { act: actor.actor } : {}), iss: request.issuer, sub: userId };
  return answer(exchange, { ...actor, user: subject.user, scopes, audience, actor: act });
}

async function answer({ instance, request, client }: Exchange, party: Party): Promise<Reply> {
  const type = request.form.last('requested_token_type') || ACCESS_TOKEN;
  const { user, scopes } = party;
  const grant = { ...party, clientId: client.clientId };
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
