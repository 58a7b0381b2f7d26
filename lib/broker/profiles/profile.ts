import type { Grant } from '../../zitadel/grant.ts';
import type { RolePattern } from './caller.ts';
import type { ExchangeRules } from './exchange-rules.ts';
import type { FederatedCaller } from './federated-caller.ts';

/** How the key in a secret rotates. */
export interface Rotation {
  readonly everyMs: number;
  /** The profile whose service account manages the key: an application cannot manage its own. */
  readonly by?: string;
}

/** The application that introspects, and the callers that may use it. */
export interface Introspection {
  readonly secret: string;
  /** Defaults to the callers of the profile. */
  readonly callers?: readonly RolePattern[];
  readonly rotation?: Rotation;
}

/** The OIDC application that revokes, and the only callers that may use it. */
export interface Revocation {
  readonly secret: string;
  /** The client id in the secret; every token request asks for it as an audience. Saves reading the secret for it. */
  readonly clientId?: string;
  readonly callers: readonly RolePattern[];
  readonly rotation?: Rotation;
}

/** A named way to obtain tokens. */
export interface Profile {
  readonly name: string;
  /** Scheme, host and port; no path, no trailing slash. */
  readonly issuer: string;
  /** Name or ARN of the secret that holds the credential. */
  readonly secret: string;
  /** Sorted: requested by default, and the most that a caller may request. */
  readonly scopes: readonly string[];
  readonly callers: readonly RolePattern[];
  /** Workloads without IAM, which request tokens at `/federated` only. */
  readonly federated?: readonly FederatedCaller[];
  readonly grant?: Grant;
  /** The profile whose token is exchanged for a token of this profile. */
  readonly subject?: string;
  /** Only with a subject: the scopes of the subject's tokens. */
  readonly inherited?: readonly string[];
  readonly introspection?: Introspection;
  /** How long an active introspection response is cached; 0: not at all. */
  readonly introspectionCacheMs: number;
  readonly revocation?: Revocation;
  /** Which exchanges of their own tokens callers may request. */
  readonly exchange?: ExchangeRules;
  readonly prewarm: boolean;
  /** Once less than this is left, callers wait for the renewal. */
  readonly minValidityMs: number;
  /** Tokens older than this are not handed out. */
  readonly maxAgeMs?: number;
  /** Of the key in `secret`. */
  readonly rotation?: Rotation;
}

export type Profiles = ReadonlyMap<string, Profile>;

/** One fault of the profiles, and its path of keys and indices in the document. */
export interface ProfileFault {
  readonly path: readonly (string | number)[];
  /** What is wrong or what to do; reads on from the name of the field. */
  readonly problem: string;
}

/** Whether a text is a valid profile name. */
export const isProfileName = (text: string): boolean => /^[a-z][a-z0-9-]{0,62}$/.test(text);

/** Whether a profile has its own tokens to hand out, rather than only exchanging its callers' tokens. */
export const hasOwnTokens = ({ exchange, subject, grant }: Profile): boolean =>
  exchange === undefined || subject !== undefined || (grant !== undefined && grant !== 'token-exchange');

/** Whether the credential of a profile only exchanges tokens, its own or its callers': it is of an application. */
export const onlyExchanges = (profile: Profile): boolean => profile.subject !== undefined || !hasOwnTokens(profile);

/** A use of a secret by a profile. */
export interface SecretUse {
  readonly profile: Profile;
  readonly purpose: 'token' | 'introspection' | 'revocation';
  /** Name or ARN, as the profile has it. */
  readonly secret: string;
  readonly rotation?: Rotation;
}

/** All uses of secrets by a profile, the one for its tokens first. */
export function secretUses(profile: Profile): readonly SecretUse[] {
  const use = (purpose: SecretUse['purpose'], used: Pick<Profile, 'secret' | 'rotation'> | undefined): SecretUse[] =>
    used === undefined
      ? []
      : [{ profile, purpose, secret: used.secret, ...(used.rotation && { rotation: used.rotation }) }];
  return [
    ...use('token', profile),
    ...use('introspection', profile.introspection),
    ...use('revocation', profile.revocation),
  ];
}
