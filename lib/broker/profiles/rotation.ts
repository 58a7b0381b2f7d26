import { DAY_MS } from '../../core/time.ts';
import { isMapping, type Path, type Report, unknownFields } from './document.ts';
import {
  onlyExchanges,
  type ProfileFault,
  type Profiles,
  type Rotation,
  type SecretUse,
  secretUses,
} from './profile.ts';
import { secretName, splitSecret } from './secret-reference.ts';

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

/** What the key of a use must be good for. Revocation needs what introspection needs: that ZITADEL recognises it. */
function trialOf({ profile, purpose }: SecretUse): Trial {
  if (purpose !== 'token') return { kind: 'introspection' };
  return onlyExchanges(profile) ? { kind: 'exchange' } : { kind: 'token', scopes: profile.scopes };
}

/** Of `rotation` in the document. */
const pathOf = ({ profile, purpose }: SecretUse): Path => [
  'profiles',
  profile.name,
  ...(purpose === 'token' ? [] : [purpose]),
  'rotation',
];

const allUses = (profiles: Profiles): readonly SecretUse[] => [...profiles.values()].flatMap(secretUses);

const days = ({ everyMs }: Rotation): string => `${everyMs / DAY_MS}d`;

/** What is wrong with the rotation of one use. */
function faultsOf(use: SecretUse, profiles: Profiles): readonly ProfileFault[] {
  const { profile, secret, rotation } = use;
  if (rotation === undefined) return [];
  const path = pathOf(use);
  const isForTokens = trialOf(use).kind === 'token';
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
    if (isForTokens) return [];
    return fault(
      'is missing: an application cannot manage its own keys; name the profile of a service account that is an owner of its project',
      'by',
    );
  }
  if (isForTokens) return fault('must be removed: a service account manages its own keys', 'by');
  const manager = profiles.get(by);
  if (manager === undefined) {
    return fault(`names an unknown profile; the profiles are ${[...profiles.keys()].join(', ')}`, 'by');
  }
  if (manager.issuer !== profile.issuer) return fault('has a different issuer', 'by');
  return onlyExchanges(manager) ? fault('must be a profile of a service account: this one exchanges tokens', 'by') : [];
}

/** The checks of rotations that need all profiles. */
export function checkRotations(profiles: Profiles): readonly ProfileFault[] {
  const first = new Map<string, SecretUse & { rotation: Rotation }>();
  return allUses(profiles).flatMap((use) => {
    const { rotation, profile } = use;
    if (rotation === undefined) return [];
    const path = pathOf(use);
    const name = secretName(use.secret);
    const before = first.get(name);
    first.set(name, before ?? { ...use, rotation });
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
  const bySecret = Map.groupBy(allUses(profiles), ({ secret }) => secretName(secret));
  return [...bySecret.values()].flatMap((users) => {
    const rotating = users.find(({ rotation }) => rotation !== undefined);
    if (rotating?.rotation === undefined) return [];
    const trials = new Map(users.map(trialOf).map((trial) => [JSON.stringify(trial), trial]));
    const { secret, profile } = rotating;
    return [{ secret, issuer: profile.issuer, ...rotating.rotation, trials: [...trials.values()] }];
  });
}
