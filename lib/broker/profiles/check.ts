import { namesAudience } from '../../zitadel/scope.ts';
import { hasOwnTokens, type Profile, type ProfileFault, type Profiles } from './profile.ts';

/** The profile whose token a profile exchanges, if any. */
export const subjectOf = ({ subject }: Profile, profiles: Profiles): Profile | undefined =>
  subject === undefined ? undefined : profiles.get(subject);

/** A profile, its subject, the subject's subject, and so on; stops at a cycle. */
function* follow(start: Profile, profiles: Profiles): Generator<Profile> {
  const seen = new Set<string>();
  let at: Profile | undefined = start;
  while (at !== undefined && !seen.has(at.name)) {
    seen.add(at.name);
    yield at;
    at = subjectOf(at, profiles);
  }
}

const chains = new WeakMap<Profile, readonly string[]>();

/** The names of a profile and of its chain of subjects, in order. */
export function chainOf(profile: Profile, profiles: Profiles): readonly string[] {
  const known = chains.get(profile);
  if (known !== undefined) return known;
  const chain = [...follow(profile, profiles)].map(({ name }) => name);
  chains.set(profile, chain);
  return chain;
}

/** Whether the chain of subjects contains a cycle. */
function isCircular(start: Profile, profiles: Profiles): boolean {
  const last = [...follow(start, profiles)].at(-1);
  return last !== undefined && subjectOf(last, profiles) !== undefined;
}

const common = ({ scopes }: Profile, subject: Profile, profiles: Profiles): readonly string[] => {
  const available = scopesOfTokens(subject, profiles);
  return scopes.filter((scope) => available.includes(scope));
};

/** The scopes of a profile's tokens: its own or, if it has a subject, those that the subject also has. */
export function scopesOfTokens(profile: Profile, profiles: Profiles): readonly string[] {
  const subject = isCircular(profile, profiles) ? undefined : subjectOf(profile, profiles);
  if (subject === undefined) return profile.scopes;
  return profile.scopes.length === 0 ? scopesOfTokens(subject, profiles) : common(profile, subject, profiles);
}

/** Profiles in which each one with a subject also has the scopes that it inherits. */
export const resolveScopes = (profiles: Profiles): Profiles =>
  new Map(
    [...profiles.values()].map((profile) => {
      const subject = subjectOf(profile, profiles);
      if (subject === undefined) return [profile.name, profile];
      const inherited = scopesOfTokens(subject, profiles);
      return [profile.name, { ...profile, scopes: common(profile, subject, profiles), inherited }];
    }),
  );

function checkSubject(profile: Profile, subjectName: string, profiles: Profiles): ProfileFault[] {
  const fault = (field: string, problem: string) => [{ path: ['profiles', profile.name, field], problem }];
  const subject = profiles.get(subjectName);
  if (subject === undefined)
    return fault('subject', `names an unknown profile; the profiles are ${[...profiles.keys()].join(', ')}`);
  if (isCircular(profile, profiles))
    return fault('subject', 'leads back to the profile itself, so there is no first token');
  const faults: ProfileFault[] = [];
  if (subject.issuer !== profile.issuer) {
    faults.push(...fault('subject', 'has a different issuer; ZITADEL exchanges only its own tokens'));
  }
  if (!namesAudience(scopesOfTokens(subject, profiles))) {
    const problem =
      `${subjectName} requests no audience, so ZITADEL would refuse to exchange its token: add the scope ` +
      `urn:zitadel:iam:org:project:id:{project of this application}:aud to ${subjectName}`;
    faults.push(...fault('subject', problem));
  } else if (profile.scopes.length > 0 && !namesAudience(common(profile, subject, profiles))) {
    const problem =
      `name no audience that ${subjectName} also has, so its token cannot be exchanged: use a scope ` +
      `urn:zitadel:iam:org:project:id:{project}:aud of ${subjectName}, or leave scopes out for all of its audiences`;
    faults.push(...fault('scopes', problem));
  }
  if (profile.revocation !== undefined && subject.revocation?.secret !== profile.revocation.secret) {
    const problem = `needs the same revocation in ${subjectName}: an exchanged token inherits its audience`;
    faults.push(...fault('revocation', problem));
  }
  if (profile.grant !== undefined && profile.grant !== 'token-exchange') {
    faults.push(...fault('grant', `must be token-exchange, or be omitted, in a profile with subject`));
  }
  return faults;
}

/** The checks that need all profiles: subjects, and whether each profile can be used. */
export function checkSubjects(profiles: Profiles): readonly ProfileFault[] {
  const subjects = new Set([...profiles.values()].map(({ subject }) => subject));
  return [...profiles.values()].flatMap((profile) => {
    const { name, callers, federated = [], grant, subject, introspection, revocation } = profile;
    const faults: ProfileFault[] = [];
    const others = [...federated, ...(introspection?.callers ?? []), ...(revocation?.callers ?? [])];
    if (callers.length === 0 && others.length === 0 && !subjects.has(name)) {
      const problem = 'is missing: no one could use this profile; list the ARNs of IAM roles';
      faults.push({ path: ['profiles', name, 'callers'], problem });
    }
    if (subject !== undefined) faults.push(...checkSubject(profile, subject, profiles));
    else if (grant === 'token-exchange' && profile.exchange === undefined) {
      const problem = 'is missing: name the profile whose token is exchanged';
      faults.push({ path: ['profiles', name, 'subject'], problem });
    }
    if (profile.exchange !== undefined && profile.scopes.length === 0) {
      const problem = 'is missing: without scopes, exchanged tokens would have all scopes of the subject token';
      faults.push({ path: ['profiles', name, 'scopes'], problem });
    } else if (profile.exchange !== undefined && !namesAudience(profile.scopes)) {
      const problem =
        "name no audience, so an exchanged token would carry all of its subject's: add a scope " +
        'urn:zitadel:iam:org:project:id:{project}:aud';
      faults.push({ path: ['profiles', name, 'scopes'], problem });
    }
    if (profile.prewarm && !hasOwnTokens(profile)) {
      const problem = "must be false: the profile exchanges its callers' tokens and has none of its own";
      faults.push({ path: ['profiles', name, 'prewarm'], problem });
    }
    return faults;
  });
}
