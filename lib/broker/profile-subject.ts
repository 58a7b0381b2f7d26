import { namesAudience } from '../zitadel/scope.ts';
import type { Profile, ProfileFault, Profiles } from './profile.ts';

/** Whether a profile has tokens of its own to hand out, not only callers' tokens to exchange. */
export const earnsOwnTokens = ({ exchange, subject, grant }: Profile): boolean =>
  exchange === undefined || subject !== undefined || (grant !== undefined && grant !== 'token-exchange');

/** Follows `subject` from profile to profile; `true` when the way leads back to where it has been. */
function isCircular(start: Profile, profiles: Profiles): boolean {
  const seen = new Set<string>();
  for (
    let at: Profile | undefined = start;
    at !== undefined;
    at = at.subject === undefined ? undefined : profiles.get(at.subject)
  ) {
    if (seen.has(at.name)) return true;
    seen.add(at.name);
  }
  return false;
}

function checkSubject(profile: Profile, subjectName: string, profiles: Profiles): ProfileFault[] {
  const fault = (field: string, problem: string) => [{ path: ['profiles', profile.name, field], problem }];
  const subject = profiles.get(subjectName);
  if (subject === undefined) return fault('subject', `names no profile; there are ${[...profiles.keys()].join(', ')}`);
  if (isCircular(profile, profiles))
    return fault('subject', 'leads back to the profile itself: no token could be the first');
  const faults: ProfileFault[] = [];
  if (subject.issuer !== profile.issuer) {
    faults.push(...fault('subject', 'has another issuer; ZITADEL exchanges only tokens of its own'));
  }
  if (!namesAudience(subject.scopes)) {
    const problem =
      `${subjectName} asks for no audience, so ZITADEL would refuse to exchange its token: add the scope ` +
      `urn:zitadel:iam:org:project:id:{project of this application}:aud to ${subjectName}`;
    faults.push(...fault('subject', problem));
  }
  if (profile.revocation !== undefined && subject.revocation !== profile.revocation) {
    const problem = `needs the same revocation in ${subjectName}: an exchanged token inherits its audience`;
    faults.push(...fault('revocation', problem));
  }
  if (profile.grant !== undefined && profile.grant !== 'token-exchange') {
    faults.push(...fault('grant', `does not go with subject: it must be token-exchange, or be left out`));
  }
  return faults;
}

/** What can only be seen with all profiles at hand: who exchanges whose token, and who may use what. */
export function checkSubjects(profiles: Profiles): readonly ProfileFault[] {
  const subjects = new Set([...profiles.values()].map(({ subject }) => subject));
  return [...profiles.values()].flatMap((profile) => {
    const { name, callers, grant, subject } = profile;
    const faults: ProfileFault[] = [];
    if (callers.length === 0 && !subjects.has(name)) {
      const problem = 'is missing: nobody could use this profile; list the ARNs of IAM roles';
      faults.push({ path: ['profiles', name, 'callers'], problem });
    }
    if (subject !== undefined) faults.push(...checkSubject(profile, subject, profiles));
    else if (grant === 'token-exchange' && profile.exchange === undefined) {
      const problem = 'is missing: name the profile whose token is exchanged';
      faults.push({ path: ['profiles', name, 'subject'], problem });
    }
    if (profile.exchange !== undefined && profile.scopes.length === 0) {
      const problem = 'is missing: without scopes, exchanged tokens would have all that the subject has';
      faults.push({ path: ['profiles', name, 'scopes'], problem });
    }
    if (profile.prewarm && !earnsOwnTokens(profile)) {
      const problem = "must be false: the profile exchanges its callers' tokens and has none of its own";
      faults.push({ path: ['profiles', name, 'prewarm'], problem });
    }
    return faults;
  });
}
