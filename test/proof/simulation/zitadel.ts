import { REQUEST_MS } from '../../../lib/core/limits.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import { MINUTE_MS, SECOND_MS } from '../../../lib/core/time.ts';
import type { OAuthAnswer, OAuthRequest, Send, TransportFault } from '../../../lib/oauth/transport.ts';
import type { Random } from '../runner/random.ts';
import type { Lane } from '../runner/scheduler.ts';
import type { Account, Issued } from './happening.ts';
import {
  labelOf,
  MOVED,
  maxAgeOf,
  PROJECT,
  type ProfileName,
  REVOKER_AUDIENCE,
  tokenText,
  versionIn,
} from './setting.ts';
import type { BrokerStage } from './world.ts';

/** What the simulated ZITADEL knows of a credential: from when and until when a version is accepted. */
interface Version {
  readonly from: number;
  readonly until: number;
}

/** Who sends a request: the name of the secret, which is the profile's, and which version of it was used. */
interface Client {
  readonly secret: string;
  readonly version: number;
}

type Outcome = Result<OAuthAnswer, TransportFault>;

const JSON_TYPE = { 'content-type': 'application/json' };
const answer = (status: number, body: object): Outcome =>
  ok({ status, headers: JSON_TYPE, body: JSON.stringify(body) });
const refuse = (error: string, error_description: string): Outcome => answer(400, { error, error_description });
const timedOut: Outcome = fail({ kind: 'timeout', detail: 'total' });

/** What each fault makes of a request that arrives; `undefined`: nothing comes back. */
const FAULTS = {
  zitadel_request_lost: () => undefined,
  /** A token is issued and never arrives. */
  zitadel_reply_lost(respond) {
    respond();
    return undefined;
  },
  zitadel_cut(respond) {
    respond();
    return fail({ kind: 'unreachable', detail: 'ECONNRESET' });
  },
  zitadel_error: () => ok({ status: 503, headers: {}, body: 'upstream connect error' }),
  zitadel_busy: () => ok({ status: 429, headers: { 'retry-after': '7' }, body: 'busy' }),
  /** Says that the credential is wrong, although it is right. */
  zitadel_refuses: () => refuse('invalid_client', 'not now'),
  /** Takes seconds, and then answers as it should. */
  zitadel_slow: (respond) => respond(),
  zitadel_nonsense: () => ok({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hello</html>' }),
  /** Says "inactive" of a token, whatever it is. */
  zitadel_forgets: (respond, { url }) => (url.endsWith('/introspect') ? answer(200, { active: false }) : respond()),
  zitadel_away: () => fail({ kind: 'unreachable', detail: 'ECONNREFUSED' }),
} as const satisfies Record<string, (respond: () => Outcome, request: OAuthRequest) => Outcome | undefined>;

export const ZITADEL_FAULTS = Object.keys(FAULTS) as (keyof typeof FAULTS)[];

function readClient({ authorization = '' }: OAuthRequest, form: URLSearchParams): Client {
  const assertion = form.get('assertion');
  if (assertion !== null) {
    const [header, payload] = assertion.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    const { kid } = JSON.parse(header ?? '') as { kid: string };
    const { iss } = JSON.parse(payload ?? '') as { iss: string };
    return { secret: iss.replace('-user', ''), version: Number(kid.replace('key-', '')) };
  }
  const [id = '', secret = ''] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':');
  return { secret: id.replace('-client', ''), version: versionIn(decodeURIComponent(secret)) };
}

const scopesIn = (form: URLSearchParams): readonly string[] => (form.get('scope') ?? '').split(' ');
const isOwnScope = (scope: string): boolean => scope !== REVOKER_AUDIENCE;

/** The audience of tokens that users bring: more than any profile grants, and ZITADEL's own API. */
const USERS_AUDIENCE = [PROJECT, '1848', 'zitadel'];
const USERS_LIFE_MS = 100 * 24 * 60 * MINUTE_MS;

/** The authorization server of the simulation: accounts, tokens, and the answers that ZITADEL gives. */
export type Zitadel = ReturnType<typeof createZitadel>;

/** Creates the server of one run. */
export function createZitadel({ scheduler, draw, emit, disturb }: BrokerStage, firstLifeMs: number) {
  let lifeMs = firstLifeMs;
  const versions = new Map<string, Map<number, Version>>();
  const tokens = new Map<string, Issued>();
  const ended = new Map<string, number>();
  const locked = new Set<Account>();

  const isAccepted = ({ secret, version }: Client): boolean => {
    if (version === MOVED.version) return true;
    const known = versions.get(secret)?.get(version);
    if (known === undefined) return version === 1 && !versions.has(secret);
    return known.from <= scheduler.now() && scheduler.now() < known.until;
  };

  const alive = (text: string): Issued | undefined => {
    const known = tokens.get(text);
    return known === undefined || ended.has(text) || known.expiresAt <= scheduler.now() ? undefined : known;
  };

  const end = (text: string) => void (ended.has(text) || ended.set(text, scheduler.now()));

  function keep(token: Omit<Issued, 'text'>): Issued {
    const kept = { text: tokenText(tokens.size + 1), ...token };
    tokens.set(kept.text, kept);
    return kept;
  }

  /** What ZITADEL makes of a token request (its vocabulary of refusals is its own). */
  function answerTokenRequest(client: Client, form: URLSearchParams, lane: Lane, sentAt: number): Outcome {
    const { secret, version } = client;
    const profile = secret as ProfileName;
    const subjectText = form.get('subject_token');
    if (!isAccepted(client)) {
      disturb(`${secret}: a credential that is not accepted`);
      if (secret === 'reports') return refuse('invalid_grant', 'invalid assertion');
      return subjectText === null
        ? refuse('invalid_request', 'Errors.User.Machine.Secret.Invalid')
        : refuse('invalid_client', 'invalid secret');
    }
    if (locked.has(profile)) {
      disturb(`${secret}: its account is locked`);
      return refuse('invalid_request', 'Errors.User.NotActive');
    }
    const subject = subjectText === null ? undefined : alive(subjectText);
    if (subjectText !== null && subject === undefined) return refuse('invalid_request', 'subject_token is invalid');
    const named = form.getAll('audience');
    if (subject !== undefined && !named.every((audience) => subject.audience.includes(audience)))
      return refuse('invalid_target', '');
    // An exchange that names none copies the subject's.
    const asked = scopesIn(form);
    const ofScopes = asked.flatMap((scope) => /^urn:zitadel:iam:org:project:id:(.+):aud$/.exec(scope)?.[1] ?? []);
    const ofSubject = named.length === 0 ? subject?.audience : named;
    const issuedAt = scheduler.now();
    const token = keep({
      profile,
      label: labelOf(profile, asked.filter(isOwnScope).join(' '), profile === 'desk' ? subject?.text : undefined),
      account: subject?.account ?? profile,
      audience: ofSubject ?? ofScopes,
      subject,
      sandbox: lane.name,
      skewMs: lane.skewMs,
      version,
      sentAt,
      issuedAt,
      lifeMs: Math.min(lifeMs, maxAgeOf(profile, 'after')),
      expiresAt: issuedAt + lifeMs,
    });
    emit('issued', { token });
    return answer(200, {
      access_token: token.text,
      token_type: 'Bearer',
      expires_in: lifeMs / SECOND_MS,
      ...(subject === undefined ? {} : { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' }),
    });
  }

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
      if (!isAccepted(client)) return refuse('unauthorized_client', '');
      return answer(200, introspect(form.get('token') ?? ''));
    }
    if (!isAccepted(client)) return refuse('invalid_client', 'invalid secret');
    end(form.get('token') ?? '');
    return answer(200, {});
  }

  /** Whose request it is: the label of a token request, or one that nobody else has. */
  function labelIn(request: OAuthRequest): string {
    const form = new URLSearchParams(request.body);
    const isAnonymous = request.body === undefined || request.url.endsWith('/userinfo');
    const { secret } = isAnonymous ? { secret: 'nobody' } : readClient(request, form);
    return labelOf(secret, scopesIn(form).filter(isOwnScope).join(' '));
  }

  return {
    /** How one sandbox reaches it. */
    connect:
      (sandbox: number, lane: Lane, random: Random): Send =>
      (request) => {
        const label = labelIn(request);
        const late = () => {
          disturb('a time-out', label);
          return timedOut;
        };
        return lane.call(REQUEST_MS, late, (reply) => {
          const sentAt = scheduler.now();
          emit('sent', { label, sandbox: lane.name });
          const fault = draw('zitadel', sandbox, random);
          if (fault !== undefined) disturb(fault, label);
          const wayMs = random.int(10, 80);
          const workMs = fault === 'zitadel_slow' ? random.int(500, 4000) : random.int(5, 60);
          scheduler.at(sentAt + wayMs, () => {
            const respond = () => answerRequest(request, lane, sentAt);
            const met = fault === undefined ? respond() : FAULTS[fault](respond, request);
            if (met === undefined) return;
            const date = new Date(scheduler.now()).toUTCString();
            const outcome = met.ok ? ok({ ...met.value, headers: { ...met.value.headers, date } }) : met;
            reply(workMs, () => outcome);
          });
        });
      },
    /** Makes a version of a secret the one that counts. Older ones end at once or, of keys, a while later. */
    rotate(secret: string, version: number, from: number): void {
      const known = versions.get(secret) ?? new Map<number, Version>();
      // Keys live side by side for a while; a new client secret ends the old one at once.
      const until = scheduler.now() + (secret === 'reports' ? 10 * MINUTE_MS : 0);
      for (const [other, { from: since }] of known) known.set(other, { from: since, until });
      if (known.size === 0) known.set(version - 1, { from: 0, until });
      known.set(version, { from, until: Number.POSITIVE_INFINITY });
      versions.set(secret, known);
    },
    setLife(nextMs: number): void {
      lifeMs = nextMs;
    },
    /** Locks an account, which ends its tokens for good, or opens it again. */
    lock(account: ProfileName, isOn: boolean): void {
      if (isOn) locked.add(account);
      else locked.delete(account);
      for (const token of tokens.values()) if (isOn && token.account === account) end(token.text);
      emit('locked', { account, isOn });
      disturb(`the account of ${account}, ${isOn ? 'locked' : 'open'}`);
    },
    find: (text: string): Issued | undefined => tokens.get(text),
    /** When a token was ended before its time, if it was. */
    endedAt: (text: string): number | undefined => ended.get(text),
    isAlive: (text: string): boolean => alive(text) !== undefined,
    /** A token of a user, who has more than any profile grants. */
    issueToUser(): Issued {
      const at = scheduler.now();
      const times = { sentAt: at, issuedAt: at, lifeMs: USERS_LIFE_MS, expiresAt: at + USERS_LIFE_MS };
      const who = { profile: 'desk', label: 'of a user', account: 'user', audience: USERS_AUDIENCE } as const;
      return keep({ ...who, sandbox: 'none', skewMs: 0, version: 0, ...times });
    },
    /** A token that is alive and can be revoked. */
    revocable: (): Issued | undefined =>
      [...tokens.values()].findLast(({ text, profile }) => profile === 'stock' && alive(text) !== undefined),
  };
}
