import { createSandbox } from '../../../lib/compose/sandbox.ts';
import { ok } from '../../../lib/core/result.ts';
import type { OAuthRequest, Send } from '../../../lib/oauth/transport.ts';
import type { Canaries } from '../../support/canaries.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { accounts, ISSUER, SECRETS, START } from '../../support/fleet.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { profilesOf } from '../../support/profiles.ts';
import { createSecretCanaries, type Played } from './answer-rules.ts';
import {
  AUDIENCES,
  DOCUMENT,
  type Endpoint,
  NEED_ACTOR,
  REFRESH_TOKEN,
  SENT,
  TOKEN_TYPES,
  tokenNamed,
} from './setting.ts';

const LIFE_SECONDS = 43_199;
const { access_token: ACCESS_TOKEN, id_token: ID_TOKEN } = TOKEN_TYPES;
const KNOWN_TYPES: readonly string[] = [...Object.values(TOKEN_TYPES), REFRESH_TOKEN];

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

/** Recorded refusals of token exchange, in ZITADEL's words; `undefined` if it is in order. */
function refuseExchange(form: URLSearchParams, isSubjectGood: boolean): Reply | undefined {
  const actor = form.get('actor_token');
  const invalid = (description: string) => refuse(400, 'invalid_request', description);
  if (!KNOWN_TYPES.includes(form.get('actor_token_type') ?? ACCESS_TOKEN))
    return invalid('actor_token_type is not supported');
  if (!isSubjectGood) return invalid('subject_token invalid');
  if (actor === null && NEED_ACTOR.includes(form.get('subject_token_type') ?? ''))
    return refuse(403, 'invalid_request', 'Errors.TokenExchange.Impersonation.PolicyDisabled');
  if (actor !== null && SENT.powerlessActors.includes(actor))
    return refuse(404, 'invalid_request', 'membership not found');
  if (actor !== null && !SENT.goodActors.includes(actor)) return invalid('actor_token invalid');
  const { unknown } = AUDIENCES;
  if (!form.getAll('audience').includes(unknown)) return undefined;
  return refuse(400, 'invalid_target', `audience "${unknown}" not found in subject or actor token`);
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
    const isSubjectGood = SENT.goodSubjects.includes(subject) || holders.has(subject);
    const refusal = isExchange ? refuseExchange(form, isSubjectGood) : undefined;
    if (refusal !== undefined) return refusal;
    const token = tokenNamed(`issued ${holders.size}`);
    holders.set(token, clientOf(request));
    onIssue(token);
    const type = form.get('requested_token_type') ?? ACCESS_TOKEN;
    return reply(200, {
      access_token: token,
      token_type: type === ID_TOKEN ? 'N_A' : 'Bearer',
      expires_in: LIFE_SECONDS,
      ...(form.has('scope') ? { scope: form.get('scope') } : {}),
      ...(isExchange ? { issued_token_type: type } : {}),
    });
  }

  function answer(request: OAuthRequest): Reply {
    const form = new URLSearchParams(request.body);
    const token = form.get('token') ?? '';
    if (request.url === `${ISSUER}/oauth/v2/token`) return issue(request, form);
    if (request.url === `${ISSUER}/oauth/v2/revoke`)
      return SENT.unrevocable.includes(token)
        ? refuse(401, 'invalid_client', 'token was not issued for this client')
        : { status: 200, body: '' };
    const active = [...SENT.active, ...SENT.goodSubjects].includes(token) || holders.has(token);
    const owner = { client_id: accounts.saSecret.clientId, aud: [AUDIENCES.known] };
    return reply(200, active ? { active, exp: 4_102_444_800, scope: 'profile', ...owner } : { active });
  }

  return {
    send: async (request) => ok({ ...answer(request), headers: { 'content-type': 'application/json' } }),
    holderOf: (token) => holders.get(token),
  };
}

/** One sandbox with everything it needs in this process, on a clock that stands still. */
export interface Stage {
  /** Hands an event to an endpoint. Rejects if the endpoint does. */
  readonly play: (endpoint: Endpoint, event: unknown) => Promise<Played>;
  readonly zitadel: InProcessZitadel;
  readonly canaries: Canaries;
}

/** Of each invocation; its id is for events without an id of their own. */
const CONTEXT = { getRemainingTimeInMillis: () => 15_000, awsRequestId: 'b7f2c1d0-5e4a-4c0e-9a55-3f1f6f0e2d11' };

/** Creates a stage on which nothing has happened yet. */
export function createStage(): Stage {
  const canaries = createSecretCanaries();
  const secrets = createMemorySecrets();
  for (const [name, secret] of Object.entries(SECRETS)) secrets.put(name, secret);
  for (const [name, tokens] of Object.entries(SENT))
    for (const token of tokens) canaries.plant(`token sent, ${name}`, token);
  const zitadel = createInProcessZitadel((token) => canaries.plant('token issued', token));
  let lines: string[] = [];
  let uuids = 1;
  const sandbox = createSandbox(
    profilesOf(DOCUMENT),
    { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'test' },
    {
      clock: createFakeClock(START),
      random: () => 0.5,
      uuid: () => `00000000-0000-4000-8000-${String(uuids++).padStart(12, '0')}`,
      send: zitadel.send,
      secrets,
      table: createMemoryTable(),
      write: (line) => lines.push(line),
    },
  );
  return {
    zitadel,
    canaries,
    async play(endpoint, event) {
      lines = [];
      const answer = await sandbox[endpoint](event, CONTEXT);
      return { answer, lines };
    },
  };
}
