import { DAY_MS } from '../../core/time.ts';
import { isMapping, type Path, type Report, unknownFields } from './document.ts';
import { hasOwnTokens, type Profile, type ProfileFault, type Profiles, type Rotation } from './profile.ts';
import { nameInArn, splitSecret } from './secret-reference.ts';

/** What a new key must be good for before it becomes the current one. */
export type Trial =
  | { readonly kind: 'token'; readonly scopes: readonly string[] }
  | { readonly kind: 'exchange' | 'introspection' };

/** A secret whose key rotates, by the profiles that use it. */
export interface RotatedSecret extends Rotation {
  /** Name or ARN. */
  readonly secret: string;
  readonly issuer: string;
  readonly trials: readonly Trial[];
}

const LEAST_DAYS = 1;
const MOST_DAYS = 365;

/** Parses `rotation`: `{ every: 30d }`, for an application with `by`. */
export function parseRotation(value: unknown, path: Path, report: Report): Rotation {
  const fields = isMapping(value) ? value : {};
  if (!isMapping(value)) report(path, 'must be a mapping: { every: 30d }');
  unknownFields(fields, ['every', 'by'], path, report);
  const { every, by } = fields;
  const [, days = '0'] = /^([1-9]\d{0,2})d$/.exec(String(every)) ?? [];
  const isPeriod = Number(days) >= LEAST_DAYS && Number(days) <= MOST_DAYS;
  if (isMapping(value) && !isPeriod) {
    const missing = every === undefined ? 'is missing; it ' : '';
    report([...path, 'every'], `${missing}must be a number of days from ${LEAST_DAYS}d to ${MOST_DAYS}d, such as 30d`);
  }
  if (by !== undefined && typeof by !== 'string') report([...path, 'by'], 'must be the name of a profile');
  return { everyMs: Number(days) * DAY_MS, ...(typeof by === 'string' ? { by } : {}) };
}

/** A use of a secret by a profile. */
interface SecretUse {
  readonly profile: Profile;
  /** Of `rotation` in the document. */
  readonly path: Path;
  readonly secret: string;
  readonly rotation?: Rotation | undefined;
  readonly trial: Trial;
}

/** All uses of secrets, each with what a key must be good for. */
function usesOf(profile: Profile): readonly SecretUse[] {
  const { name, secret, rotation, scopes, subject, introspection, revocation } = profile;
  const isExchange = subject !== undefined || !hasOwnTokens(profile);
  const use = (field: readonly string[], given: { secret: string; rotation?: Rotation }, trial: Trial): SecretUse => ({
    profile,
    path: ['profiles', name, ...field, 'rotation'],
    secret: given.secret,
    rotation: given.rotation,
    trial,
  });
  return [
    use(
      [],
      rotation === undefined ? { secret } : { secret, rotation },
      isExchange ? { kind: 'exchange' } : { kind: 'token', scopes },
    ),
    // Revocation needs what introspection needs: that ZITADEL recognises the application.
    ...(introspection === undefined ? [] : [use(['introspection'], introspection, { kind: 'introspection' })]),
    ...(revocation === undefined ? [] : [use(['revocation'], revocation, { kind: 'introspection' })]),
  ];
}

/** Profiles may name a secret by its name or its ARN. */
const nameOf = ({ secret }: SecretUse): string => nameInArn(splitSecret(secret).name);

const allUses = (profiles: Profiles): readonly SecretUse[] => [...profiles.values()].flatMap(usesOf);

const days = ({ everyMs }: Rotation): string => `${everyMs / DAY_MS}d`;

/** What is wrong with the rotation of one use. */
function faultsOf({ profile, path, secret, rotation, trial }: SecretUse, profiles: Profiles): readonly ProfileFault[] {
  if (rotation === undefined) return [];
  const fault = (problem: string, field?: string): ProfileFault[] => [
    { path: field === undefined ? path : [...path, field], problem },
  ];
  if (splitSecret(secret).member !== undefined) {
    return fault('must be removed: the secret holds other credentials too; store the key in a secret of its own');
  }
  const { by } = rotation;
  if (by === undefined) {
    if (profile.grant === 'client_credentials') {
      const command = `npm run rotate -- --to-key ${profile.name}`;
      return fault(
        `must be removed: a client secret has no successor beside it, so callers would notice; remove grant too and deploy, then let ${command} replace it with a key`,
      );
    }
    if (trial.kind === 'token') return [];
    return fault(
      'is missing: an application cannot manage its own keys; name the profile of a service account that is an owner of its project',
      'by',
    );
  }
  if (trial.kind === 'token') return fault('must be removed: a service account manages its own keys', 'by');
  const manager = profiles.get(by);
  if (manager === undefined) {
    return fault(`names an unknown profile; the profiles are ${[...profiles.keys()].join(', ')}`, 'by');
  }
  if (manager.issuer !== profile.issuer) return fault('has a different issuer', 'by');
  return manager.subject === undefined && hasOwnTokens(manager)
    ? []
    : fault('must be a profile of a service account: this one exchanges tokens', 'by');
}

/** The checks of rotations that need all profiles. */
export function checkRotations(profiles: Profiles): readonly ProfileFault[] {
  const first = new Map<string, SecretUse & { rotation: Rotation }>();
  return allUses(profiles).flatMap((use) => {
    const { rotation, path, profile } = use;
    if (rotation === undefined) return [];
    const before = first.get(nameOf(use));
    first.set(nameOf(use), before ?? { ...use, rotation });
    const faults = faultsOf(use, profiles);
    if (before === undefined || faults.length > 0) return faults;
    const rival = before.profile.name;
    if (before.rotation.everyMs !== rotation.everyMs && before.rotation.everyMs > 0) {
      const problem = `is ${days(before.rotation)} in ${rival}: the secret is the same, and has one schedule`;
      return [{ path: [...path, 'every'], problem }];
    }
    if (before.rotation.by !== rotation.by) {
      return [{ path: [...path, 'by'], problem: `differs from ${rival}, which rotates the same secret` }];
    }
    if (before.profile.issuer === profile.issuer) return [];
    return [{ path, problem: `must be removed: ${rival} rotates the same secret at another issuer` }];
  });
}

/** The secrets that rotate, each once, with everything that its users need of a new key. */
export function rotatedSecrets(profiles: Profiles): readonly RotatedSecret[] {
  const uses = allUses(profiles);
  const bySecret = Map.groupBy(uses, nameOf);
  return [...bySecret.values()].flatMap((users) => {
    const rotating = users.find(({ rotation }) => rotation !== undefined);
    if (rotating?.rotation === undefined) return [];
    const trials = new Map(users.map(({ trial }) => [JSON.stringify(trial), trial]));
    const { secret, profile } = rotating;
    return [{ secret, issuer: profile.issuer, ...rotating.rotation, trials: [...trials.values()] }];
  });
}
