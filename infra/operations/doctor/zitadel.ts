import { randomUUID } from 'node:crypto';
import { chainOf, scopesOfTokens } from '../../../lib/broker/profiles/check.ts';
import { hasOwnTokens, onlyExchanges, type Profile, type Profiles } from '../../../lib/broker/profiles/profile.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { loggable, type Redacted } from '../../../lib/core/redacted.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import { buildDiscoveryRequest, judgeDiscovery } from '../../../lib/zitadel/discovery.ts';
import { chooseGrant } from '../../../lib/zitadel/grant.ts';
import {
  buildIntrospectionRequest,
  type IntrospectionOutcome,
  judgeIntrospection,
} from '../../../lib/zitadel/introspection.ts';
import { audienceScope, audiencesOf } from '../../../lib/zitadel/scope.ts';
import { judgeTokenAnswer, type TokenOutcome } from '../../../lib/zitadel/token-answer.ts';
import { buildTokenRequest } from '../../../lib/zitadel/token-request.ts';
import { sortAnswer } from '../../../lib/zitadel/upstream.ts';

/** What an issuer says about itself. */
export interface IssuerFacts {
  readonly issuer: string;
  /** Why it does not serve its metadata; absent if it does. */
  readonly trouble?: string;
  /** The issuer that it calls itself. */
  readonly calledItself?: string;
  /** How far its clock is ahead of AWS's, by which the broker signs; without AWS, of this machine's. */
  readonly aheadMs?: number;
}

/** A real token request of a profile, and what introspection says about the token. The token itself is not kept. */
export interface TokenFacts {
  readonly profile: Profile;
  /** Absent if it was issued. */
  readonly refusal?: Exclude<TokenOutcome, { kind: 'issued' }>;
  readonly lifeMs?: number;
  /** Absent without introspection, or without a token. */
  readonly introspected?: IntrospectionOutcome;
}

export interface ZitadelFacts {
  readonly issuers: readonly IssuerFacts[];
  /** Absent without `--token-request`. */
  readonly tokens?: readonly TokenFacts[];
}

export interface ZitadelDeps {
  readonly clock: Clock;
  readonly send: Send;
  readonly profiles: Profiles;
  /** The credentials that could be read, by reference. */
  readonly credentials: ReadonlyMap<string, Credential>;
}

/** How a profile's credential obtains a token, or what is wrong. */
export const grantOf = (profile: Profile, credential: Credential) =>
  chooseGrant(credential, { grant: profile.grant, hasSubject: onlyExchanges(profile) });

async function askIssuer(issuer: string, { clock, send }: ZitadelDeps): Promise<IssuerFacts> {
  const request = buildDiscoveryRequest(issuer);
  const askedAt = clock.now();
  const result = await send(request);
  const sorted = sortAnswer(request, result);
  const date = result.ok ? Date.parse(String(result.value.headers.date)) : Number.NaN;
  // A date has whole seconds, so its middle is the best guess; so is the middle of the request.
  const aheadMs = date + SECOND_MS / 2 - (askedAt + clock.now()) / 2;
  const skew = Number.isNaN(aheadMs) ? {} : { aheadMs };
  if (sorted.kind !== 'answer') return { issuer, trouble: sorted.detail, ...skew };
  const calledItself = judgeDiscovery(result);
  if (calledItself === undefined) return { issuer, trouble: 'its metadata names no issuer', ...skew };
  return { issuer, calledItself: loggable(calledItself), ...skew };
}

/** The client id of the application that revokes, which is an audience of each token. */
function revokerOf({ revocation }: Profile, credentials: ZitadelDeps['credentials']): string | undefined {
  if (revocation?.clientId !== undefined) return revocation.clientId;
  const credential = credentials.get(revocation?.secret ?? '');
  return credential === undefined || credential.kind === 'service_account_key' ? undefined : credential.clientId;
}

interface Obtained {
  readonly facts: TokenFacts;
  readonly token?: Redacted<string>;
}

/** Obtains tokens as the broker does, each once; `undefined` where a credential or a subject is missing. */
function createObtain({ clock, send, profiles, credentials }: ZitadelDeps) {
  const begun = new Map<string, Promise<Obtained | undefined>>();

  async function request(profile: Profile): Promise<Obtained | undefined> {
    const credential = credentials.get(profile.secret);
    const grant = credential && grantOf(profile, credential);
    if (credential === undefined || !grant?.ok || !hasOwnTokens(profile)) return undefined;
    const subject = profile.subject === undefined ? undefined : profiles.get(profile.subject);
    const exchanged = subject && (await obtain(subject));
    if (subject !== undefined && exchanged?.token === undefined) return undefined;
    const { issuer, scopes } = profile;
    const revoker = revokerOf(profile, credentials);
    const extra = revoker === undefined ? [] : [revoker];
    const message = await buildTokenRequest(
      {
        issuer,
        credential,
        grant: grant.value,
        ...(exchanged?.token === undefined
          ? { scopes: [...scopes, ...extra.map(audienceScope)] }
          : {
              scopes,
              subjectToken: exchanged.token,
              audiences: [...audiencesOf(scopesOfTokens(profile, profiles)), ...extra],
            }),
      },
      { now: clock.now(), jti: randomUUID },
    );
    const outcome = judgeTokenAnswer(message, await send(message));
    if (outcome.kind !== 'issued') return { facts: { profile, refusal: outcome } };
    const { accessToken: token, lifeMs } = outcome.response;
    const introspecting = credentials.get(profile.introspection?.secret ?? '');
    if (introspecting === undefined || introspecting.kind === 'service_account_key')
      return { facts: { profile, lifeMs }, token };
    const deps = { now: clock.now(), jti: randomUUID };
    const question = await buildIntrospectionRequest({ issuer, credential: introspecting, token }, deps);
    const introspected = judgeIntrospection(question, await send(question));
    return { facts: { profile, lifeMs, introspected }, token };
  }

  function obtain(profile: Profile): Promise<Obtained | undefined> {
    const known = begun.get(profile.name) ?? request(profile);
    begun.set(profile.name, known);
    return known;
  }
  return obtain;
}

/** A profile and those whose tokens it needs. */
export const withSubjects = (chosen: Iterable<Profile>, profiles: Profiles): readonly Profile[] => {
  const names = new Set([...chosen].flatMap((profile) => chainOf(profile, profiles)));
  return [...names].flatMap((name) => profiles.get(name) ?? []);
};

/** Assertions are dated 10 s back, for a ZITADEL whose clock is behind. */
export const LARGEST_SKEW_MS = 10 * SECOND_MS;

/** Whether an issuer can accept a credential. */
const isSound = ({ issuer, calledItself, aheadMs = 0 }: IssuerFacts): boolean =>
  calledItself === issuer && Math.abs(aheadMs) <= LARGEST_SKEW_MS;

/** Asks ZITADEL everything that its checks judge, once. Tokens are requested only if `wantsTokens`. */
export async function gatherZitadel(
  deps: ZitadelDeps,
  { chosen, wantsTokens }: { readonly chosen: readonly Profile[]; readonly wantsTokens: boolean },
): Promise<ZitadelFacts> {
  const issuers = await Promise.all(
    [...new Set(chosen.map(({ issuer }) => issuer))].map((issuer) => askIssuer(issuer, deps)),
  );
  if (!wantsTokens) return { issuers };
  // What is wrong with an issuer is reported once, not as a refusal of each profile.
  const sound = new Set(issuers.filter(isSound).map(({ issuer }) => issuer));
  const obtain = createObtain(deps);
  const obtained = await Promise.all(chosen.filter(({ issuer }) => sound.has(issuer)).map(obtain));
  return { issuers, tokens: obtained.flatMap((one) => one?.facts ?? []) };
}
