import { type Profile, secretUses } from '../../../lib/broker/profiles/profile.ts';
import { SECOND_MS } from '../../../lib/core/time.ts';
import type { Credential } from '../../../lib/zitadel/credential.ts';
import { audienceScope, audiencesOf } from '../../../lib/zitadel/scope.ts';
import { type Check, fault, judgeEach, type Problem, warning } from './finding.ts';
import { grantOf, type IssuerFacts, LARGEST_SKEW_MS, type TokenFacts, type ZitadelFacts } from './zitadel.ts';

/** What the group judges. */
export interface ZitadelContext {
  readonly facts: ZitadelFacts;
  readonly chosen: readonly Profile[];
  /** The credentials that could be read, by reference. */
  readonly credentials: ReadonlyMap<string, Credential>;
}

/** The issuers that serve their metadata. */
const answering = (issuers: readonly IssuerFacts[]) => issuers.filter(({ trouble }) => trouble === undefined);

type Refusal = NonNullable<TokenFacts['refusal']>;

/** The check of token requests that were refused for one of these reasons. */
const refusalCheck = (
  code: string,
  title: string,
  isMeant: (refusal: Refusal) => boolean,
  says: string,
  todo: (profile: Profile) => string,
): Check<ZitadelContext> => ({
  code,
  title,
  fine: () => 'none refused',
  run: ({ facts: { tokens } }) =>
    judgeEach(tokens, ({ profile, refusal }) =>
      refusal !== undefined && isMeant(refusal)
        ? [fault(profile.name, `${says} (${refusal.detail})`, todo(profile))]
        : [],
    ),
});

const isAccount = (refusal: Refusal): boolean => refusal.kind === 'credential_refused' && refusal.isAccount === true;
const isCredential = (refusal: Refusal): boolean =>
  refusal.kind === 'maybe_refused' || (refusal.kind === 'credential_refused' && refusal.isAccount !== true);

/** What introspection says about a token that is not active, or whose audience is not what was asked for. */
function introspectionProblems({ profile, introspected }: TokenFacts): readonly Problem[] {
  if (introspected?.kind !== 'introspected') return [];
  const { isActive, audience = [] } = introspected.introspection;
  if (!isActive) {
    const says = 'gets a token that its introspecting application does not accept: the project is not in its audience';
    return [fault(profile.name, says, `add the scope ${audienceScope('PROJECT')} with the application's project`)];
  }
  const lacking = audiencesOf(profile.scopes).filter((id) => !audience.includes(id));
  if (lacking.length === 0) return [];
  return [fault(profile.name, `gets a token without the audience ${lacking.join(', ')}`, 'correct its scopes')];
}

export const ZITADEL_CHECKS: readonly Check<ZitadelContext>[] = [
  {
    code: 'ZTB301',
    title: 'ZITADEL',
    fine: ({ facts: { issuers } }) => `${issuers.map(({ issuer }) => issuer).join(', ')} answers`,
    run: ({ facts: { issuers } }) =>
      issuers.flatMap(({ issuer, trouble }) =>
        trouble === undefined
          ? []
          : [
              fault(
                issuer,
                `does not answer: ${trouble}`,
                'check the issuer and your network; see the status of ZITADEL',
              ),
            ],
      ),
  },
  {
    code: 'ZTB302',
    title: 'issuer',
    fine: () => "is ZITADEL's own name",
    run: ({ facts: { issuers } }) =>
      judgeEach(answering(issuers), ({ issuer, calledItself }) =>
        calledItself === issuer
          ? []
          : [
              fault(
                issuer,
                `calls itself ${calledItself}: it refuses assertions`,
                'name its own issuer in the profiles',
              ),
            ],
      ),
  },
  {
    code: 'ZTB303',
    title: "ZITADEL's clock",
    fine: () => 'agrees',
    run: ({ facts: { issuers } }) =>
      judgeEach(answering(issuers), ({ issuer, aheadMs: skewMs = 0 }) => {
        if (Math.abs(skewMs) <= LARGEST_SKEW_MS) return [];
        const direction = skewMs > 0 ? 'ahead' : 'behind';
        const says = `has a clock that is ${Math.round(Math.abs(skewMs) / SECOND_MS)} s ${direction}: it refuses assertions`;
        return [fault(issuer, says, "set the clock of ZITADEL's host, or of this machine")];
      }),
  },
  {
    code: 'ZTB311',
    title: 'kinds of credential',
    fine: () => 'each fits its grant',
    run: ({ chosen, credentials }) =>
      judgeEach(
        chosen.flatMap(secretUses).filter(({ secret }) => credentials.has(secret)),
        ({ profile, secret, purpose }) => {
          const credential = credentials.get(secret);
          if (credential === undefined) return [];
          if (purpose === 'token') {
            const grant = grantOf(profile, credential);
            return grant.ok ? [] : [fault(profile.name, `${secret}: ${grant.error}`, 'see docs/profiles.md')];
          }
          if (credential.kind !== 'service_account_key') return [];
          const says = `${secret} is a service-account key, with which ZITADEL allows no ${purpose}`;
          return [fault(profile.name, says, "store an application's credential")];
        },
      ),
  },
  {
    code: 'ZTB312',
    title: 'revoking application',
    fine: () => 'is that of its secret',
    run: ({ chosen, credentials }) =>
      judgeEach(
        chosen.filter(({ revocation }) => credentials.has(revocation?.secret ?? '')),
        ({ name, revocation }) => {
          const credential = credentials.get(revocation?.secret ?? '');
          if (revocation?.clientId === undefined || credential === undefined) return [];
          if (credential.kind === 'service_account_key' || credential.clientId === revocation.clientId) return [];
          return [fault(name, 'has another clientId in revocation than its secret', 'correct it, or leave it out')];
        },
      ),
  },
  refusalCheck(
    'ZTB321',
    'credentials',
    isCredential,
    'gets no token: ZITADEL refuses its credential',
    ({ secret }) => `replace it: a new key or secret in ZITADEL, stored in ${secret}`,
  ),
  refusalCheck(
    'ZTB322',
    'accounts',
    isAccount,
    'gets no token: its account is locked or deactivated',
    () => 'unlock or reactivate the account in ZITADEL',
  ),
  refusalCheck(
    'ZTB323',
    'scopes',
    ({ kind }) => kind === 'scope_refused',
    'gets no token: its scopes are refused',
    () => 'correct its scopes, or those of its subject',
  ),
  refusalCheck(
    'ZTB324',
    'exchanges',
    ({ kind }) => ['subject_refused', 'type_refused', 'impersonation_refused'].includes(kind),
    "gets no token: ZITADEL does not exchange its subject's",
    () => "let the subject's scopes name the project of the application; see docs/profiles.md",
  ),
  refusalCheck(
    'ZTB325',
    'token requests',
    ({ kind }) => kind === 'unavailable' || kind === 'unexpected',
    'gets no token',
    () => 'try again; see docs/operating.md, Errors',
  ),
  {
    code: 'ZTB326',
    title: 'audiences',
    fine: () => 'as requested',
    run: ({ facts: { tokens } }) =>
      judgeEach(
        tokens?.filter(({ introspected }) => introspected?.kind === 'introspected'),
        introspectionProblems,
      ),
  },
  {
    code: 'ZTB327',
    title: 'introspecting applications',
    fine: () => 'accepted',
    run: ({ facts: { tokens } }) =>
      judgeEach(
        tokens?.filter(({ introspected }) => introspected),
        ({ profile, introspected }) => {
          if (introspected === undefined || introspected.kind === 'introspected') return [];
          const says = `cannot introspect (${introspected.detail})`;
          return [fault(profile.name, says, `replace the credential in ${profile.introspection?.secret}`)];
        },
      ),
  },
  {
    code: 'ZTB328',
    title: 'life of the tokens',
    fine: ({ facts: { tokens = [] } }) =>
      tokens
        .flatMap(({ profile, lifeMs }) => (lifeMs === undefined ? [] : [`${profile.name} ${lifeMs / SECOND_MS} s`]))
        .join(', '),
    run: ({ facts: { tokens } }) =>
      judgeEach(
        tokens?.filter(({ lifeMs }) => lifeMs !== undefined),
        ({ profile, lifeMs = 0 }) => {
          if (lifeMs > profile.minValidityMs) return [];
          const says = `gets tokens that live ${lifeMs / SECOND_MS} s, less than its minValiditySeconds`;
          return [warning(profile.name, says, 'raise the life of tokens in ZITADEL, or lower minValiditySeconds')];
        },
      ),
  },
];
