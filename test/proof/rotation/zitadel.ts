import { REQUEST_MS } from '../../../lib/core/limits.ts';
import { fail, ok, type Result } from '../../../lib/core/result.ts';
import type { OAuthAnswer, OAuthRequest, Send, TransportFault } from '../../../lib/oauth/transport.ts';
import { ZITADEL_API_SCOPE } from '../../../lib/zitadel/scope.ts';
import type { Random } from '../simulation/random.ts';
import { type Lane, NEVER, type Scheduler } from '../simulation/scheduler.ts';
import { tokenText } from '../simulation/setting.ts';
import type { CallFault } from './plan.ts';
import type { Registry, RegistryKey } from './registry.ts';
import { ACCOUNT, APPLICATION, type createPair, PROJECT } from './setting.ts';

type Outcome = Result<OAuthAnswer, TransportFault>;

const answer = (status: number, body: object): Outcome =>
  ok({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const refuse = (error: string, error_description: string): Outcome => answer(400, { error, error_description });

/** Decides what a call meets, and what a crash does. */
export interface Weather {
  readonly draw: () => CallFault | undefined;
  readonly crash: () => void;
}

/** Nothing goes wrong. */
export const FAIR: Weather = { draw: () => undefined, crash: () => undefined };

export interface ZitadelDeps {
  readonly scheduler: Scheduler;
  readonly registry: Registry;
  readonly random: Random;
  readonly lagMs: number;
  readonly lifeMs: number;
  readonly isAway: () => boolean;
  /** Takes the body of each request: it must not hold a private key. */
  readonly onRequest: (body: string) => void;
  /** A token was issued to an account or application. */
  readonly onIssued: (fleet: string, holder: string, keyId: string) => void;
  readonly onAdded: (keyId: string) => void;
  readonly onRemoved: (key: RegistryKey) => void;
  /** Makes the keys of applications. */
  readonly createPair: typeof createPair;
}

const SCOPED_PROJECT = /^urn:zitadel:iam:org:project:id:(.+):aud$/;

/** A ZITADEL with one account that owns a project, one application of it, and their keys. */
export function createZitadel(deps: ZitadelDeps) {
  const { scheduler, registry, random, lagMs, lifeMs, isAway, onRequest, onIssued } = deps;
  /** Tokens, by text: whose they are, and their audience. */
  const tokens = new Map<string, { readonly holder: string; readonly audience: readonly string[] }>();
  const seenAt = () => scheduler.now() - random.int(0, lagMs);

  function issue(fleet: string, holder: string, assertion: string, audience: readonly string[]): Outcome {
    const text = tokenText(tokens.size + 1);
    tokens.set(text, { holder, audience });
    const { kid } = JSON.parse(Buffer.from(assertion.split('.')[0] ?? '', 'base64url').toString());
    if (!audience.includes('zitadel')) onIssued(fleet, holder, kid);
    return answer(200, {
      access_token: text,
      token_type: 'Bearer',
      expires_in: lifeMs / 1000,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    });
  }

  function token(form: URLSearchParams, fleet: string): Outcome {
    const grant = form.get('assertion');
    const client = form.get('client_assertion');
    const holder = registry.signer(grant ?? client ?? '', seenAt());
    if (holder === undefined)
      return grant === null ? refuse('invalid_client', '') : refuse('invalid_grant', 'invalid assertion');
    if (grant !== null && holder === ACCOUNT) {
      const scopes = (form.get('scope') ?? '').split(' ');
      const audience = scopes.flatMap((scope) =>
        scope === ZITADEL_API_SCOPE ? 'zitadel' : (SCOPED_PROJECT.exec(scope)?.[1] ?? []),
      );
      return issue(fleet, holder, grant, audience);
    }
    const subject = tokens.get(form.get('subject_token') ?? '');
    if (client === null || holder !== APPLICATION.clientId || subject === undefined)
      return refuse('invalid_request', 'subject_token invalid');
    const audience = form.getAll('audience');
    return audience.every((one) => subject.audience.includes(one))
      ? issue(fleet, holder, client, audience)
      : refuse('invalid_target', '');
  }

  const listed = (holder: string, idName: string) =>
    registry.list(holder, seenAt()).map(({ keyId, createdAt, expirationDate }) => ({
      [idName]: keyId,
      creationDate: new Date(createdAt).toISOString(),
      expirationDate,
      ...(holder === ACCOUNT ? { userId: ACCOUNT } : { applicationId: APPLICATION.appId, projectId: PROJECT }),
    }));
  const page = (member: string, keys: readonly object[]) =>
    answer(
      200,
      keys.length === 0
        ? { pagination: { appliedLimit: '100' } }
        : { pagination: { totalResult: String(keys.length) }, [member]: keys },
    );
  function add(holder: string, publicKey: string, expirationDate: string): string {
    const { keyId } = registry.add({ holder, publicKey, expirationDate });
    deps.onAdded(keyId);
    return keyId;
  }
  function remove(holder: string, keyId: string): Outcome {
    const key = registry.remove(keyId, holder);
    if (key === undefined) return answer(404, { code: 5, message: 'Key not found (COMMAND-4)' });
    deps.onRemoved(key);
    return answer(200, { deletionDate: 'now' });
  }

  function manage({ url, method, body = '', authorization = '' }: OAuthRequest): Outcome {
    const caller = tokens.get(authorization.replace('Bearer ', ''));
    if (caller?.holder !== ACCOUNT || !caller.audience.includes('zitadel'))
      return answer(401, { code: 16, message: 'invalid token' });
    const { pathname } = new URL(url);
    const given = body === '' ? {} : JSON.parse(body);
    if (pathname === '/v2/users/keys/search') return page('result', listed(ACCOUNT, 'id'));
    if (method === 'DELETE') return remove(ACCOUNT, pathname.split('/').at(-1) ?? '');
    if (pathname === `/v2/users/${ACCOUNT}/keys`) {
      const publicKey = Buffer.from(given.publicKey, 'base64').toString();
      return answer(200, { keyId: add(ACCOUNT, publicKey, given.expirationDate) });
    }
    if (pathname.endsWith('/ListApplicationKeys')) return page('keys', listed(APPLICATION.clientId, 'keyId'));
    if (pathname.endsWith('/DeleteApplicationKey')) return remove(APPLICATION.clientId, given.keyId);
    const pair = deps.createPair();
    const keyId = add(APPLICATION.clientId, pair.publicKey, given.expirationDate);
    const keyDetails = JSON.stringify({ type: 'application', keyId, key: pair.privateKey, ...APPLICATION });
    return answer(200, { keyId, keyDetails: Buffer.from(keyDetails).toString('base64') });
  }

  function respond(request: OAuthRequest, fleet: string): Outcome {
    const { url, body } = request;
    if (url.endsWith('/token')) return token(new URLSearchParams(body), fleet);
    if (url.includes('/.well-known/')) return answer(200, { issuer: new URL(url).origin });
    return manage(request);
  }

  /** How one process reaches it. */
  const connect =
    (lane: Lane, fleet: string, weather: Weather = FAIR): Send =>
    (request) => {
      if (!lane.isAlive()) return NEVER;
      onRequest(request.body ?? '');
      return new Promise((resolve) => {
        const fault = weather.draw();
        const cancel = lane.clock.after(REQUEST_MS, () => resolve(fail({ kind: 'timeout', detail: 'total' })));
        scheduler.at(scheduler.now() + random.int(5, 60), () => {
          if (fault === 'call_lost') return;
          const refused = fault === 'call_refused' ? ok({ status: 503, headers: {}, body: 'busy' }) : undefined;
          const outcome = isAway()
            ? fail({ kind: 'unreachable', detail: 'ECONNREFUSED' } as const)
            : (refused ?? respond(request, fleet));
          if (fault === 'reply_lost') return;
          if (fault === 'crashed') return weather.crash();
          lane.receive(random.int(5, 60), () => {
            cancel();
            resolve(outcome);
          });
        });
      });
    };
  return { connect };
}
