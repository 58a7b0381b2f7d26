import { createSandbox } from '../../../lib/compose/sandbox.ts';
import type { OAuthRequest } from '../../../lib/oauth/transport.ts';
import type { Canaries } from '../../support/canaries.ts';
import { accounts, answer, createFleet, ISSUER, type Outcome, refusal } from '../../support/fleet.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { profilesOf } from '../../support/profiles.ts';
import { createSecretCanaries } from '../../support/secret-canaries.ts';
import type { Played } from './answer-rules.ts';
import type { Endpoint } from './setting.ts';
import { AUDIENCES, DOCUMENT, NEED_ACTOR, REFRESH_TOKEN, SENT, TOKEN_TYPES, tokenNamed } from './setting.ts';

const LIFE_SECONDS = 43_199;
const { access_token: ACCESS_TOKEN, id_token: ID_TOKEN } = TOKEN_TYPES;
const KNOWN_TYPES: readonly string[] = [...Object.values(TOKEN_TYPES), REFRESH_TOKEN];

/** Who a request comes from: the client id of its Basic credential, or `assertion`. */
function clientOf({ authorization }: OAuthRequest): string {
  if (authorization === undefined) return 'assertion';
  const [id = ''] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
  return decodeURIComponent(id);
}

/** Recorded refusals of token exchange, in ZITADEL's words; `undefined` if it is in order. */
function refuseExchange(form: URLSearchParams, isSubjectGood: boolean): Outcome | undefined {
  const actor = form.get('actor_token');
  const invalid = (description: string, status = 400) => refusal('invalid_request', description, status);
  if (!KNOWN_TYPES.includes(form.get('actor_token_type') ?? ACCESS_TOKEN))
    return invalid('actor_token_type is not supported');
  if (!isSubjectGood) return invalid('subject_token invalid');
  if (actor === null && NEED_ACTOR.includes(form.get('subject_token_type') ?? ''))
    return invalid('Errors.TokenExchange.Impersonation.PolicyDisabled', 403);
  if (actor !== null && SENT.powerlessActors.includes(actor)) return invalid('membership not found', 404);
  if (actor !== null && !SENT.goodActors.includes(actor)) return invalid('actor_token invalid');
  const { unknown } = AUDIENCES;
  if (!form.getAll('audience').includes(unknown)) return undefined;
  return refusal('invalid_target', `audience "${unknown}" not found in subject or actor token`);
}

/** A ZITADEL in this process: it accepts every credential and never fails, so that whatever goes wrong is the broker's. */
function createInProcessZitadel(canaries: Canaries) {
  const holders = new Map<string, string>();

  function issue(request: OAuthRequest, form: URLSearchParams): Outcome {
    const isExchange = form.has('subject_token');
    const subject = form.get('subject_token') ?? '';
    const isSubjectGood = SENT.goodSubjects.includes(subject) || holders.has(subject);
    const refused = isExchange ? refuseExchange(form, isSubjectGood) : undefined;
    if (refused !== undefined) return refused;
    const token = tokenNamed(`issued ${holders.size}`);
    holders.set(token, clientOf(request));
    canaries.plant('token issued', token);
    const type = form.get('requested_token_type') ?? ACCESS_TOKEN;
    return answer(200, {
      access_token: token,
      token_type: type === ID_TOKEN ? 'N_A' : 'Bearer',
      expires_in: LIFE_SECONDS,
      ...(form.has('scope') ? { scope: form.get('scope') } : {}),
      ...(isExchange ? { issued_token_type: type } : {}),
    });
  }

  async function send(request: OAuthRequest): Promise<Outcome> {
    const form = new URLSearchParams(request.body);
    const token = form.get('token') ?? '';
    if (request.url === `${ISSUER}/oauth/v2/token`) return issue(request, form);
    if (request.url === `${ISSUER}/oauth/v2/revoke`)
      return SENT.unrevocable.includes(token)
        ? refusal('invalid_client', 'token was not issued for this client', 401)
        : answer(200, '');
    const active = [...SENT.active, ...SENT.goodSubjects].includes(token) || holders.has(token);
    const owner = { client_id: accounts.saSecret.clientId, aud: [AUDIENCES.known] };
    return answer(200, active ? { active, exp: 4_102_444_800, scope: 'profile', ...owner } : { active });
  }

  return { send, holderOf: (token: string) => holders.get(token) };
}

/** Of each invocation; its id is for events without an id of their own. */
const CONTEXT = { getRemainingTimeInMillis: () => 15_000, awsRequestId: 'b7f2c1d0-5e4a-4c0e-9a55-3f1f6f0e2d11' };

/** Creates a stage on which nothing has happened yet. */
export function createStage() {
  const canaries = createSecretCanaries();
  for (const [name, tokens] of Object.entries(SENT))
    for (const token of tokens) canaries.plant(`token sent, ${name}`, token);
  const { send, holderOf } = createInProcessZitadel(canaries);
  const { clock, secrets } = createFleet();
  const table = createMemoryTable();
  let lines: string[] = [];
  let uuids = 1;
  const uuid = () => `00000000-0000-4000-8000-${String(uuids++).padStart(12, '0')}`;
  const write = (line: string) => lines.push(line);
  const env = { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'test' };
  const overrides = { clock, random: () => 0.5, uuid, send, secrets, table, write };
  const sandbox = createSandbox(profilesOf(DOCUMENT), env, overrides);
  return {
    /** The client to which ZITADEL has issued this token. */
    holderOf,
    canaries,
    /** Hands an event to an endpoint. Rejects if the endpoint does. */
    async play(endpoint: Endpoint, event: unknown): Promise<Played> {
      lines = [];
      const answer = await sandbox[endpoint](event, CONTEXT);
      return { answer, lines };
    },
  };
}

/** One sandbox with everything it needs in this process, on a clock that stands still. */
export type Stage = ReturnType<typeof createStage>;
