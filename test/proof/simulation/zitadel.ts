import { REQUEST_MS } from '../../../lib/core/limits.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import type { OAuthAnswer, OAuthRequest, Send, TransportFault } from '../../../lib/oauth/transport.ts';
import type { DrawFault, OperationFault } from './faults.ts';
import type { Account, Happening, Issued } from './happening.ts';
import type { Random } from './random.ts';
import { type Lane, NEVER, type Scheduler } from './scheduler.ts';
import { labelOf, maxAgeOf, PROJECT, type ProfileName, REVOKER_AUDIENCE, tokenText, versionIn } from './setting.ts';

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
  /** Locks an account, which ends its tokens for good, or opens it again. */
  readonly lock: (account: ProfileName, isOn: boolean) => void;
  readonly find: (text: string) => Issued | undefined;
  /** When a token was ended before its time, if it was. */
  readonly endedAt: (text: string) => number | undefined;
  readonly isAlive: (text: string) => boolean;
  /** A token of a user, who has more than any profile grants. */
  readonly issueToUser: () => Issued;
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

/** What is asked for: scopes, the audience that comes out, and the token that is exchanged. */
interface Grant {
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  readonly subject: Issued | undefined;
}

/** The audience of tokens that users bring: more than any profile grants, and ZITADEL's own API. */
const USERS_AUDIENCE = [PROJECT, '1848', 'zitadel'];
const USERS_LIFE_MS = 100 * 24 * 60 * MINUTE_MS;

/** Creates the server of one run. */
export function createZitadel({ scheduler, draw, emit, lifeMs: firstLifeMs }: ZitadelDeps): Zitadel {
  let lifeMs = firstLifeMs;
  const versions = new Map<string, Map<number, Version>>();
  const tokens = new Map<string, Issued>();
  const ended = new Map<string, number>();
  const locked = new Set<Account>();

  const isAccepted = (secret: string, version: number): boolean => {
    const known = versions.get(secret)?.get(version);
    if (known === undefined) return version === 1 && !versions.has(secret);
    return known.from <= scheduler.now() && scheduler.now() < known.until;
  };

  function keep(token: Omit<Issued, 'text'>): Issued {
    const kept = { text: tokenText(tokens.size + 1), ...token };
    tokens.set(kept.text, kept);
    return kept;
  }

  function issue(
    { secret, version }: Client,
    { scopes, audience, subject }: Grant,
    { name: sandbox, skewMs }: Lane,
    sentAt: number,
  ): Issued {
    const profile = secret as ProfileName;
    const issuedAt = scheduler.now();
    const token = keep({
      profile,
      label: labelOf(profile, scopes.join(' '), profile === 'desk' ? subject?.text : undefined),
      account: subject?.account ?? profile,
      audience,
      ...(subject === undefined ? {} : { subject }),
      sandbox,
      skewMs,
      version,
      sentAt,
      issuedAt,
      lifeMs: Math.min(lifeMs, maxAgeOf(profile, 'after')),
      expiresAt: issuedAt + lifeMs,
    });
    emit({ kind: 'issued', at: issuedAt, token });
    return token;
  }

  /** What ZITADEL makes of a token request (its vocabulary of refusals is its own). */
  function answerTokenRequest(client: Client, form: URLSearchParams, lane: Lane, sentAt: number): Outcome {
    const { secret, version } = client;
    const asked = (form.get('scope') ?? '').split(' ');
    const scopes = asked.filter((scope) => scope !== REVOKER_AUDIENCE);
    const subjectText = form.get('subject_token');
    if (!isAccepted(secret, version)) {
      emit({ kind: 'disturbed', at: scheduler.now(), why: `${secret}: a credential that is not accepted` });
      if (secret === 'reports') return refuse('invalid_grant', 'invalid assertion');
      return subjectText === null
        ? refuse('invalid_request', 'Errors.User.Machine.Secret.Invalid')
        : refuse('invalid_client', 'invalid secret');
    }
    if (locked.has(secret as ProfileName)) {
      emit({ kind: 'disturbed', at: scheduler.now(), why: `${secret}: its account is locked` });
      return refuse('invalid_request', 'Errors.User.NotActive');
    }
    const subject = subjectText === null ? undefined : alive(subjectText);
    if (subjectText !== null && subject === undefined) return refuse('invalid_request', 'subject_token is invalid');
    const named = form.getAll('audience');
    if (subject !== undefined && !named.every((audience) => subject.audience.includes(audience)))
      return refuse('invalid_target', '');
    // An exchange that names none copies the subject's.
    const ofScopes = asked.flatMap((scope) => /^urn:zitadel:iam:org:project:id:(.+):aud$/.exec(scope)?.[1] ?? []);
    const ofSubject = named.length === 0 ? subject?.audience : named;
    const token = issue(client, { scopes, audience: ofSubject ?? ofScopes, subject }, lane, sentAt);
    return answer(200, {
      access_token: token.text,
      token_type: 'Bearer',
      expires_in: lifeMs / SECOND_MS,
      ...(subject === undefined ? {} : { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }),
    });
  }

  const alive = (text: string): Issued | undefined => {
    const known = tokens.get(text);
    return known === undefined || ended.has(text) || known.expiresAt <= scheduler.now() ? undefined : known;
  };

  const end = (text: string) => void (ended.has(text) || ended.set(text, scheduler.now()));

  function introspect(text: string): object {
    const known = alive(text);
    if (known === undefined) return { active: false };
    const { profile, account, audience, label, expiresAt } = known;
    const client = profile === 'reports' ? {} : { client_id: `${profile}-client` };
    const scope = /\[(.*)\]/.exec(label)?.[1] ?? '';
    const claims = { sub: `${account}-user`, ...client, aud: audience, scope };
    return { active: true, ...claims, exp: Math.floor(expiresAt / SECOND_MS) };
  }

  function answerRequest(request: OAuthRequest, lane: Lane, sentAt: number): Outcome {
    const form = new URLSearchParams(request.body);
    if (request.body === undefined) return answer(200, { issuer: new URL(request.url).origin });
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
    end(form.get('token') ?? '');
    return answer(200, {});
  }

  /** What a fault makes of a request that arrives; `undefined`: nothing comes back. */
  function meet(fault: OperationFault | undefined, { url }: OAuthRequest, respond: () => Outcome): Outcome | undefined {
    switch (fault) {
      case 'zitadel_forgets':
        return url.endsWith('/introspect') ? answer(200, { active: false }) : respond();
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
        const isAnonymous = request.body === undefined || request.url.endsWith('/userinfo');
        const { secret } = isAnonymous ? { secret: 'nobody' } : readClient(request, form);
        const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== REVOKER_AUDIENCE);
        const label = labelOf(secret, scopes.join(' '));
        emit({ kind: 'sent', at: sentAt, label, sandbox: lane.name });
        const fault = draw('zitadel', sentAt, sandbox, random);
        if (fault !== undefined) emit({ kind: 'disturbed', at: sentAt, label, why: fault });
        const cancel = lane.clock.after(REQUEST_MS, () => {
          emit({ kind: 'disturbed', at: scheduler.now(), label, why: 'a time-out' });
          resolve(fail({ kind: 'timeout', detail: 'total' }));
        });
        const wayMs = random.int(10, 80);
        const workMs = fault === 'zitadel_slow' ? random.int(500, 4000) : random.int(5, 60);
        scheduler.at(sentAt + wayMs, () => {
          const met = meet(fault, request, () => answerRequest(request, lane, sentAt));
          if (met === undefined) return;
          const date = new Date(scheduler.now()).toUTCString();
          const outcome = met.ok ? ok({ ...met.value, headers: { ...met.value.headers, date } }) : met;
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
    lock(account, isOn) {
      if (isOn) locked.add(account);
      else locked.delete(account);
      for (const token of tokens.values()) if (isOn && token.account === account) end(token.text);
      emit({ kind: 'locked', at: scheduler.now(), account, isOn });
      emit({ kind: 'disturbed', at: scheduler.now(), why: `the account of ${account}, ${isOn ? 'locked' : 'open'}` });
    },
    find: (text) => tokens.get(text),
    endedAt: (text) => ended.get(text),
    isAlive: (text) => alive(text) !== undefined,
    issueToUser() {
      const at = scheduler.now();
      const times = { sentAt: at, issuedAt: at, lifeMs: USERS_LIFE_MS, expiresAt: at + USERS_LIFE_MS };
      const profile = 'desk';
      const who = { profile, label: 'of a user', account: 'user', audience: USERS_AUDIENCE } as const;
      return keep({ ...who, sandbox: 'none', skewMs: 0, version: 0, ...times });
    },
    revocable: () =>
      [...tokens.values()].findLast(
        ({ text, profile, expiresAt }) => profile === 'stock' && !ended.has(text) && expiresAt > scheduler.now(),
      ),
  };
}
