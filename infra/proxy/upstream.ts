import { type CallDeps, call, grantedOf, type Members } from '../../client/src/call.ts';
import { elapsedMs, type Granted, type Instant, type Kept } from '../../client/src/decision.ts';
import { BrokerError } from '../../client/src/errors.ts';
import { createTokens } from '../../client/src/tokens.ts';
import { answerJson, type GatewayAnswer } from '../../lib/http/answer.ts';
import type { Form } from '../../lib/oauth/form.ts';
import { GRANT_TYPE } from '../../lib/oauth/grant.ts';
import { answerBroker, answerFailure, refuse } from './answer.ts';
import type { Endpoint } from './route.ts';

/** A request to an endpoint of a profile. */
export interface Asked {
  readonly profile: string;
  readonly endpoint: Endpoint;
  readonly form: Form;
}

/** What happened at the broker, for the log: no token, no secret. */
export interface Happened {
  readonly profile: string;
  readonly endpoint: Endpoint;
  readonly durationMs: number;
  /** Absent if the broker answered 200. */
  readonly failure?: BrokerError;
}

export interface UpstreamDeps extends CallDeps {
  readonly onCall: (happened: Happened) => void;
  readonly random: () => number;
  /** Both clocks. */
  readonly instant: () => Instant;
}

/** A token as the broker granted it, with its whole answer. */
interface Grant extends Granted {
  readonly members: Members;
}

/** How a client authenticates to ZITADEL (RFC 6749 §2.3.1, RFC 7521 §4.2). Never sent on: the signature says who asks. */
const CLIENT_AUTHENTICATION = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];

const GRANTS: readonly string[] = [GRANT_TYPE.clientCredentials, GRANT_TYPE.tokenExchange];

/** The parameters that go to the broker, in one order, so that equal requests share a token. */
function parametersOf(form: Form, left: readonly string[]): URLSearchParams {
  const sent = new URLSearchParams();
  for (const name of [...form.names()].sort()) {
    if (left.includes(name)) continue;
    const values = name === 'scope' ? [scopesOf(form)] : form.all(name);
    for (const value of values) sent.append(name, value);
  }
  return sent;
}

/** RFC 6749 §3.3: the order of scopes means nothing. */
const scopesOf = (form: Form): string =>
  [...new Set((form.get('scope') ?? '').split(' ').filter((scope) => scope !== ''))].sort().join(' ');

/** RFC 6749 §5.1, with the life that is left now. */
function granted({ since, lifeMs, members }: Kept<Grant>, now: Instant): GatewayAnswer {
  const expiresIn = Math.floor((lifeMs - elapsedMs(since, now)) / 1000);
  return answerJson(200, { ...members, expires_in: expiresIn });
}

/** Answers the requests of clients: tokens from memory while they live, everything else from the broker. Never throws. */
export type Upstream = (asked: Asked) => Promise<GatewayAnswer>;

/** Creates the upstream of one AWS role. */
export function createUpstream(deps: UpstreamDeps): Upstream {
  const { instant, onCall } = deps;
  const tokens = createTokens<Grant>(instant, deps.random);

  async function send({ profile, endpoint }: Omit<Asked, 'form'>, form: URLSearchParams): Promise<Members> {
    const at = instant();
    const done = (failure: object) => onCall({ profile, endpoint, durationMs: elapsedMs(at, instant()), ...failure });
    try {
      const answered = await call({ profile, endpoint, form }, deps);
      done({});
      return answered;
    } catch (error) {
      if (error instanceof BrokerError) done({ failure: error });
      throw error;
    }
  }

  async function obtain(asked: Asked): Promise<GatewayAnswer> {
    const { profile, form } = asked;
    const grant = form.get('grant_type');
    if (grant === undefined) return refuse(400, 'invalid_request', 'the parameter grant_type is missing');
    // Such as a password, which nobody but its server should see.
    if (!GRANTS.includes(grant)) return refuse(400, 'unsupported_grant_type', `use ${GRANTS.join(' or ')}`);
    const wanted = parametersOf(form, [...CLIENT_AUTHENTICATION, 'rejected_token']);
    const refused = form.get('rejected_token');
    const key = `${profile} ${wanted}`;
    if (refused !== undefined) tokens.reject(key, refused);
    const kept = await tokens.get(key, async (rejected = refused) => {
      const sent = new URLSearchParams(wanted);
      if (rejected !== undefined) sent.set('rejected_token', rejected);
      const members = await send(asked, sent);
      return { ...grantedOf(members, `token of ${profile}`), members };
    });
    return granted(kept, instant());
  }

  async function pass(asked: Asked): Promise<GatewayAnswer> {
    const { form } = asked;
    const token = form.get('token') ?? '';
    const isRevocation = asked.endpoint === 'revoke';
    if (isRevocation) tokens.forget(token);
    const answered = await send(asked, parametersOf(form, CLIENT_AUTHENTICATION));
    // A renewal that was under way may have brought it back.
    if (isRevocation || answered.active === false) tokens.forget(token);
    return answerBroker(asked.endpoint, answered);
  }

  return async (asked) => {
    try {
      return await (asked.endpoint === 'token' ? obtain : pass)(asked);
    } catch (error) {
      return answerFailure(error);
    }
  };
}
