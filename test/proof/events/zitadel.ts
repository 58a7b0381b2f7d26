import { createHash } from 'node:crypto';
import { ok } from '../../../lib/core/result.ts';
import type { OAuthRequest, Send } from '../../../lib/oauth/transport.ts';
import accounts from '../../recordings/accounts.json' with { type: 'json' };
import { AUDIENCES, ISSUER } from './profiles.ts';

/** A text of a token's look that is always the same for one name. */
const tokenNamed = (name: string): string => {
  const part = (index: number) => createHash('sha256').update(`${name} ${index}`).digest('base64url');
  return `${part(0)}.${part(1)}.${part(2)}`;
};

const tokensNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => tokenNamed(`${name} ${index}`));

/** Tokens that callers send along. ZITADEL accepts the good ones, and knows nothing of any other. */
export const SENT = {
  goodSubjects: tokensNamed('good subject', 12),
  badSubjects: tokensNamed('bad subject', 6),
  goodActors: tokensNamed('good actor', 3),
  /** Accepted, but of accounts that may not stand in for anybody. */
  powerlessActors: tokensNamed('powerless actor', 2),
  /** To be introspected, or revoked. */
  active: tokensNamed('active', 8),
  unknown: tokensNamed('unknown', 4),
  /** Of another application, which alone may revoke them. */
  unrevocable: tokensNamed('unrevocable', 4),
} as const;

const LIFE_SECONDS = 43_199;
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const NEED_ACTOR = ['urn:ietf:params:oauth:token-type:jwt', 'urn:zitadel:params:oauth:token-type:user_id'];
const KNOWN_TYPES = [
  ACCESS_TOKEN,
  'urn:ietf:params:oauth:token-type:refresh_token',
  'urn:ietf:params:oauth:token-type:id_token',
  ...NEED_ACTOR,
];

type Reply = { readonly status: number; readonly body: string };

const reply = (status: number, value: object): Reply => ({ status, body: JSON.stringify(value) });
const refuse = (status: number, error: string, description: string) =>
  reply(status, { error, error_description: description });

/** Who a request comes from: the client id of its Basic credential, or `assertion`. */
function clientOf({ authorization }: OAuthRequest): string {
  if (authorization === undefined) return 'assertion';
  const [id = ''] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
  return decodeURIComponent(id);
}

/** Recorded refusals of token exchange, in ZITADEL's words; `undefined` where it is fine. */
function refuseExchange(form: URLSearchParams, isSubjectGood: boolean): Reply | undefined {
  const actor = form.get('actor_token');
  const actorType = form.get('actor_token_type') ?? ACCESS_TOKEN;
  if (!KNOWN_TYPES.includes(actorType)) return refuse(400, 'invalid_request', 'actor_token_type is not supported');
  if (!isSubjectGood) return refuse(400, 'invalid_request', 'subject_token invalid');
  if (actor === null && NEED_ACTOR.includes(form.get('subject_token_type') ?? '')) {
    return refuse(403, 'invalid_request', 'Errors.TokenExchange.Impersonation.PolicyDisabled');
  }
  if (actor !== null && SENT.powerlessActors.includes(actor)) {
    return refuse(404, 'invalid_request', 'membership not found');
  }
  if (actor !== null && !SENT.goodActors.includes(actor)) return refuse(400, 'invalid_request', 'actor_token invalid');
  const foreign = form.getAll('audience').find((audience) => audience === AUDIENCES.unknown);
  return foreign === undefined
    ? undefined
    : refuse(400, 'invalid_target', `audience "${foreign}" not found in subject or actor token`);
}

/** A ZITADEL in this process: it accepts every credential and never fails, so that whatever goes wrong is the broker's. */
export interface InProcessZitadel {
  readonly send: Send;
  /** The client to which it has issued this token. */
  readonly holderOf: (token: string) => string | undefined;
}

/**
 * Creates one.
 * @param onIssue gets every token that it issues
 */
export function createInProcessZitadel(onIssue: (token: string) => void): InProcessZitadel {
  const holders = new Map<string, string>();

  function issue(request: OAuthRequest, form: URLSearchParams): Reply {
    const isExchange = form.has('subject_token');
    const subject = form.get('subject_token') ?? '';
    const refusal = isExchange
      ? refuseExchange(form, SENT.goodSubjects.includes(subject) || holders.has(subject))
      : undefined;
    if (refusal !== undefined) return refusal;
    const token = tokenNamed(`issued ${holders.size}`);
    holders.set(token, clientOf(request));
    onIssue(token);
    const type = form.get('requested_token_type') ?? ACCESS_TOKEN;
    return reply(200, {
      access_token: token,
      token_type: type.endsWith('id_token') ? 'N_A' : 'Bearer',
      expires_in: LIFE_SECONDS,
      ...(form.has('scope') ? { scope: form.get('scope') } : {}),
      ...(isExchange ? { issued_token_type: type } : {}),
    });
  }

  function revoke(token: string): Reply {
    return SENT.unrevocable.includes(token)
      ? refuse(401, 'invalid_client', 'token was not issued for this client')
      : { status: 200, body: '' };
  }

  function answer(request: OAuthRequest): Reply {
    const form = new URLSearchParams(request.body);
    const token = form.get('token') ?? '';
    if (request.url === `${ISSUER}/oauth/v2/token`) return issue(request, form);
    if (request.url === `${ISSUER}/oauth/v2/revoke`) return revoke(token);
    const active = [...SENT.active, ...SENT.goodSubjects].includes(token) || holders.has(token);
    const owner = { client_id: accounts.saSecret.clientId, aud: [AUDIENCES.known] };
    return reply(200, active ? { active, exp: 4_102_444_800, scope: 'profile', ...owner } : { active });
  }

  return {
    send: async (request) => ok({ ...answer(request), headers: { 'content-type': 'application/json' } }),
    holderOf: (token) => holders.get(token),
  };
}
