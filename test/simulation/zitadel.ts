import { fail, ok, type Result } from '../../lib/core/result.ts';
import { MINUTE_MS, SECOND_MS } from '../../lib/core/time.ts';
import type { OAuthAnswer, OAuthRequest, Send, TransportFault } from '../../lib/oauth/transport.ts';
import type { DrawFault, OperationFault } from './faults.ts';
import type { Happening, Issued } from './happening.ts';
import type { Random } from './random.ts';
import { type Lane, NEVER, type Scheduler } from './scheduler.ts';
import { labelOf, maxAgeOf, type ProfileName, REVOKER_AUDIENCE, tokenText, versionIn } from './setting.ts';

/** As the transport has it. */
const TOTAL_MS = 3 * SECOND_MS;

/** What the simulated ZITADEL knows of a credential: from when and until when a version is accepted. */
interface Version {
  readonly from: number;
  readonly until: number;
}

/** The authorization server of the simulation: accounts, tokens, and the answers that ZITADEL gives. */
export interface Zitadel {
  /** How one sandbox reaches it. */
  readonly connect: (sandbox: number, lane: Lane, random: Random) => Send;
  /** Makes a version of a secret the one that counts. Older ones end at once or, of keys, a while later. */
  readonly rotate: (secret: string, version: number, from: number) => void;
  readonly setLife: (lifeMs: number) => void;
  readonly find: (text: string) => Issued | undefined;
  /** A token that is alive and can be revoked. */
  readonly revocable: () => Issued | undefined;
}

export interface ZitadelDeps {
  readonly scheduler: Scheduler;
  readonly draw: DrawFault;
  readonly emit: (happening: Happening) => void;
  readonly lifeMs: number;
}

/** Who sends a request: the name of the secret, which is the profile's, and which version of it was used. */
interface Client {
  readonly secret: string;
  readonly version: number;
}

type Outcome = Result<OAuthAnswer, TransportFault>;

const JSON_TYPE = { 'content-type': 'application/json' };
const answer = (status: number, body: object, headers: Record<string, string> = {}): Outcome =>
  ok({ status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });
const refuse = (error: string, error_description: string): Outcome => answer(400, { error, error_description });

function readClient({ authorization = '' }: OAuthRequest, form: URLSearchParams): Client {
  const assertion = form.get('assertion');
  if (assertion !== null) {
    const [header = '', payload = ''] = assertion.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    const { kid } = JSON.parse(header) as { kid: string };
    const { iss } = JSON.parse(payload) as { iss: string };
    return { secret: iss.replace('-user', ''), version: Number(kid.replace('key-', '')) };
  }
  const [id = '', secret = ''] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
  return { secret: id.replace('-client', ''), version: versionIn(decodeURIComponent(secret)) };
}

/** Creates the server of one run. */
export function createZitadel({ scheduler, draw, emit, lifeMs: firstLifeMs }: ZitadelDeps): Zitadel {
  let lifeMs = firstLifeMs;
  const versions = new Map<string, Map<number, Version>>();
  const tokens = new Map<string, Issued>();
  const ended = new Set<string>();

  const isAccepted = (secret: string, version: number): boolean => {
    const known = versions.get(secret)?.get(version);
    if (known === undefined) return version === 1 && !versions.has(secret);
    return known.from <= scheduler.now() && scheduler.now() < known.until;
  };

  function issue({ secret, version }: Client, scopes: string, lane: Lane, sentAt: number): Issued {
    const profile = secret as ProfileName;
    const issuedAt = scheduler.now();
    const token: Issued = {
      text: tokenText(tokens.size + 1),
      profile,
      label: labelOf(profile, scopes),
      sandbox: lane.name,
      skewMs: lane.skewMs,
      version,
      sentAt,
      issuedAt,
      lifeMs: Math.min(lifeMs, maxAgeOf(profile)),
      expiresAt: issuedAt + lifeMs,
    };
    tokens.set(token.text, token);
    emit({ kind: 'issued', at: issuedAt, token });
    return token;
  }

  /** What ZITADEL makes of a token request (its vocabulary of refusals is its own). */
  function answerTokenRequest(client: Client, form: URLSearchParams, lane: Lane, sentAt: number): Outcome {
    const { secret, version } = client;
    const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== REVOKER_AUDIENCE);
    if (!isAccepted(secret, version)) {
      emit({ kind: 'disturbed', at: scheduler.now(), why: `${secret}: a credential that is not accepted` });
      if (secret === 'reports') return refuse('invalid_grant', 'invalid assertion');
      return secret === 'billing'
        ? refuse('invalid_client', 'invalid secret')
        : refuse('invalid_request', 'Errors.User.Machine.Secret.Invalid');
    }
    const subject = form.get('subject_token');
    if (subject !== null) {
      if (alive(subject) === undefined) return refuse('invalid_request', 'subject_token is invalid');
    }
    const token = issue(client, scopes.join(' '), lane, sentAt);
    return answer(200, {
      access_token: token.text,
      token_type: 'Bearer',
      expires_in: lifeMs / SECOND_MS,
      ...(subject === null ? {} : { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }),
    });
  }

  const alive = (text: string): Issued | undefined => {
    const known = tokens.get(text);
    return known === undefined || ended.has(text) || known.expiresAt <= scheduler.now() ? undefined : known;
  };

  function introspect(text: string): object {
    const known = alive(text);
    if (known === undefined) return { active: false };
    const { profile, expiresAt } = known;
    const client = profile === 'reports' ? {} : { client_id: `${profile}-client` };
    return { active: true, sub: `${profile}-user`, ...client, exp: Math.floor(expiresAt / SECOND_MS) };
  }

  function answerRequest(request: OAuthRequest, lane: Lane, sentAt: number): Outcome {
    const form = new URLSearchParams(request.body);
    if (request.url.endsWith('/userinfo')) {
      const text = request.authorization?.replace('Bearer ', '') ?? '';
      return alive(text) === undefined ? answer(401, { error: 'access_denied' }) : answer(200, { sub: 'somebody' });
    }
    const client = readClient(request, form);
    if (request.url.endsWith('/token')) return answerTokenRequest(client, form, lane, sentAt);
    if (request.url.endsWith('/introspect')) {
      if (!isAccepted(client.secret, client.version)) return refuse('unauthorized_client', '');
      return answer(200, introspect(form.get('token') ?? ''));
    }
    if (!isAccepted(client.secret, client.version)) return refuse('invalid_client', 'invalid secret');
    ended.add(form.get('token') ?? '');
    return answer(200, {});
  }

  /** What a fault makes of a request that arrives; `undefined`: nothing comes back. */
  function meet(fault: OperationFault | undefined, respond: () => Outcome): Outcome | undefined {
    switch (fault) {
      case 'zitadel_request_lost':
        return undefined;
      case 'zitadel_reply_lost':
        respond();
        return undefined;
      case 'zitadel_cut':
        respond();
        return fail({ kind: 'unreachable', detail: 'ECONNRESET' });
      case 'zitadel_error':
        return ok({ status: 503, headers: {}, body: 'upstream connect error' });
      case 'zitadel_busy':
        return ok({ status: 429, headers: { 'retry-after': '7' }, body: 'busy' });
      case 'zitadel_refuses':
        return refuse('invalid_client', 'not now');
      case 'zitadel_nonsense':
        return ok({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hello</html>' });
      case 'zitadel_away':
        return fail({ kind: 'unreachable', detail: 'ECONNREFUSED' });
      default:
        return respond();
    }
  }

  return {
    connect: (sandbox, lane, random) => (request) => {
      if (!lane.isAlive()) return NEVER;
      return new Promise((resolve) => {
        const sentAt = scheduler.now();
        const form = new URLSearchParams(request.body);
        const isToken = request.url.endsWith('/token');
        const { secret } = request.url.endsWith('/userinfo') ? { secret: 'nobody' } : readClient(request, form);
        const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== REVOKER_AUDIENCE);
        const label = labelOf(secret, scopes.join(' '));
        if (isToken) emit({ kind: 'sent', at: sentAt, label, sandbox: lane.name });
        const fault = draw('zitadel', sentAt, sandbox, random);
        if (fault !== undefined) emit({ kind: 'disturbed', at: sentAt, label, why: fault });
        const cancel = lane.clock.after(TOTAL_MS, () => {
          emit({ kind: 'disturbed', at: scheduler.now(), label, why: 'a time-out' });
          resolve(fail({ kind: 'timeout', detail: 'total' }));
        });
        const wayMs = random.int(10, 80);
        const workMs = fault === 'zitadel_slow' ? random.int(500, 4000) : random.int(5, 60);
        scheduler.at(sentAt + wayMs, () => {
          const outcome = meet(fault, () => answerRequest(request, lane, sentAt));
          if (outcome === undefined) return;
          lane.receive(workMs, () => {
            cancel();
            resolve(outcome);
          });
        });
      });
    },
    rotate(secret, version, from) {
      const known = versions.get(secret) ?? new Map<number, Version>();
      // Keys live side by side for a while; a new client secret ends the old one at once.
      const until = scheduler.now() + (secret === 'reports' ? 10 * MINUTE_MS : 0);
      for (const [other, { from: since }] of known) known.set(other, { from: since, until });
      if (known.size === 0) known.set(version - 1, { from: 0, until });
      known.set(version, { from, until: Number.POSITIVE_INFINITY });
      versions.set(secret, known);
    },
    setLife(nextMs) {
      lifeMs = nextMs;
    },
    find: (text) => tokens.get(text),
    revocable: () =>
      [...tokens.values()].findLast(
        ({ text, profile, expiresAt }) => profile === 'stock' && !ended.has(text) && expiresAt > scheduler.now(),
      ),
  };
}
