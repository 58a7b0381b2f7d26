import type { ObtainedOnBehalf, ObtainOnBehalf } from '../broker/exchange/exchange.ts';
import { allowExchange } from '../broker/exchange/policy.ts';
import type { Counter, KeyIds } from '../broker/obtain/counter.ts';
import type { Tokens } from '../broker/obtain/memory.ts';
import type { Obtained } from '../broker/obtain/renewal.ts';
import { grantExchangeScopes, grantScopes } from '../broker/profiles/policy.ts';
import { hasOwnTokens } from '../broker/profiles/profile.ts';
import type { Demand } from '../broker/token/demand.ts';
import type { Token } from '../broker/token/freshness.ts';
import type { BrokerError } from '../core/error.ts';
import { type Redacted, redacted } from '../core/redacted.ts';
import { ok, type Result } from '../core/result.ts';
import { type EpochMs, secondsUntil } from '../core/time.ts';
import type { Form } from '../oauth/form.ts';
import { GRANT_TYPE } from '../oauth/grant.ts';
import { answerJson, answerText, type GatewayAnswer } from './answer.ts';
import {
  type Asked,
  callerError,
  createEndpoint,
  type Door,
  type EndpointDeps,
  type GatewayHandler,
} from './endpoint.ts';
import { LARGEST_FORM_BYTES, LARGEST_TOKEN_FORM_BYTES } from './gateway-request.ts';

/** The path after the profile. */
export const TOKEN_ROUTE = '/oauth/v2/token';

export interface TokenEndpointDeps extends EndpointDeps {
  readonly tokens: Tokens;
  readonly onBehalf: ObtainOnBehalf;
  /** Counts the tokens obtained from ZITADEL for any request. */
  readonly issued: Counter;
  /** Counts the callers that waited for a token. */
  readonly waits: Counter;
  /** The keys that token requests used. */
  readonly keyIds: KeyIds;
}

/** Reads `rejected_token`, a token that an API refused: an extension by the broker. */
function readRejected(form: Form): Redacted<string> | undefined {
  const rejected = form.get('rejected_token');
  return rejected === undefined ? undefined : redacted(rejected);
}

/** The scope of a profile's own token: as sent by the server, else as requested. */
const scopeOf = (scope: string | undefined, { profile, scopes }: Demand): string =>
  scope ?? (scopes.length === 0 ? (profile.inherited ?? []) : scopes).join(' ');

/** The JSON before and after `expires_in`. */
interface Surroundings {
  readonly demand: Demand;
  readonly before: string;
  readonly after: string;
}

/** The last answer with each token: nearly all callers of a token ask for the same. */
const surroundings = new WeakMap<Token, Surroundings>();

function surround(token: Token, demand: Demand): Surroundings {
  const before = JSON.stringify({ access_token: token.accessToken.reveal(), token_type: 'Bearer' }).slice(0, -1);
  const after = JSON.stringify({ scope: scopeOf(token.scope, demand) }).slice(1);
  const made = { demand, before: `${before},"expires_in":`, after: `,${after}` };
  surroundings.set(token, made);
  return made;
}

/** RFC 6749 §5.1. */
function answerToken({ token }: Obtained, demand: Demand, now: EpochMs): GatewayAnswer {
  const known = surroundings.get(token);
  const isKnown = known?.demand.profile === demand.profile && known.demand.scopes === demand.scopes;
  const { before, after } = isKnown ? known : surround(token, demand);
  return answerText(200, `${before}${secondsUntil(token.expiresAt, now)}${after}`);
}

/** RFC 8693 §2.2.1. */
const answerExchange = ({ token }: ObtainedOnBehalf, now: EpochMs): GatewayAnswer =>
  answerJson(200, {
    access_token: token.accessToken.reveal(),
    issued_token_type: token.issuedTokenType,
    token_type: token.tokenType,
    expires_in: secondsUntil(token.expiresAt, now),
    scope: token.scope ?? token.granted.join(' '),
  });

/**
 * Creates `POST /{profile}/oauth/v2/token`.
 * @param variant its name in the log, and how callers say who they are; by default, IAM roles by signing the request
 */
export function createTokenEndpoint(
  deps: TokenEndpointDeps,
  variant: { readonly name: string; readonly door?: Door } = { name: 'token' },
): GatewayHandler {
  const { clock, tokens, onBehalf } = deps;

  /** Client credentials (RFC 6749 §4.4). */
  async function serveOwn({
    form,
    bodyBytes,
    profile,
    deadline,
    facts,
  }: Asked): Promise<Result<GatewayAnswer, BrokerError>> {
    const rejected = readRejected(form);
    if (bodyBytes > LARGEST_FORM_BYTES && rejected === undefined && !form.has('client_assertion'))
      return callerError('invalid_request', 'the body is larger than 4 kB');
    const scopes = grantScopes(profile, form.get('scope'));
    if (!scopes.ok) return scopes;
    const demand = { profile, scopes: scopes.value };
    if (form.has('audience') || form.has('resource')) {
      return callerError('invalid_target', 'the profile sets the audience; omit audience and resource');
    }
    const obtained = await tokens.obtain(demand, deadline, rejected);
    if (!obtained.ok) return obtained;
    facts.obtained = obtained.value;
    return ok(answerToken(obtained.value, demand, clock.now()));
  }

  /** Token exchange (RFC 8693). */
  async function serveExchange({ form, profile, deadline, facts }: Asked): Promise<Result<GatewayAnswer, BrokerError>> {
    if (profile.exchange === undefined) {
      return callerError('unsupported_grant_type', 'this profile does not exchange tokens');
    }
    const requested = form.get('scope');
    const scopes = grantExchangeScopes(profile.exchange, requested);
    if (!scopes.ok) return scopes;
    const exchanged = allowExchange(form, profile.exchange);
    if (!exchanged.ok) return exchanged;
    await deps.bulletin.look(deadline - clock.now());
    const demand = { profile, scopes: scopes.value, exchanged: exchanged.value, isExact: requested !== undefined };
    const obtained = await onBehalf(demand, deadline, readRejected(form));
    if (!obtained.ok) return obtained;
    facts.obtained = obtained.value;
    return ok(answerExchange(obtained.value, clock.now()));
  }

  function serve(asked: Asked): Result<GatewayAnswer, BrokerError> | Promise<Result<GatewayAnswer, BrokerError>> {
    const grantType = asked.form.get('grant_type');
    if (grantType === undefined) return callerError('invalid_request', 'grant_type is missing');
    if (grantType === GRANT_TYPE.tokenExchange) return serveExchange(asked);
    if (grantType !== GRANT_TYPE.clientCredentials) {
      return callerError(
        'unsupported_grant_type',
        `grant_type must be ${GRANT_TYPE.clientCredentials}, or token exchange if the profile allows it`,
      );
    }
    if (hasOwnTokens(asked.profile)) return serveOwn(asked);
    return callerError('unsupported_grant_type', "this profile only exchanges its callers' tokens");
  }

  return createEndpoint(
    deps,
    { ...variant, use: 'token', route: TOKEN_ROUTE, largestBytes: LARGEST_TOKEN_FORM_BYTES },
    async (asked) => {
      const served = await serve(asked);
      asked.facts.issued = deps.issued.take();
      const keyIds = deps.keyIds.take();
      if (keyIds.length > 0) asked.facts.keyIds = keyIds;
      if (deps.waits.take() > 0) asked.facts.hasWaited = true;
      return served;
    },
  );
}
