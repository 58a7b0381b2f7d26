import { ACCOUNT, OTHER_ACCOUNT } from '../profiles.ts';
import { at, disturb } from '../variants.ts';
import { CONTRADICTORY } from './contradictory.ts';
import { claimsOf, type Fate, type IdentityKind, USUAL } from './kind.ts';
import { MISNAMED } from './misnamed.ts';
import { MISSHAPEN } from './misshapen.ts';
import { PROVEN } from './proven.ts';

/** An object with one or two of its texts changed at random. */
function disturbSome<T extends object>(texts: T, variant: number): T {
  const entries = Object.entries(texts);
  const changed = [variant % entries.length, (variant >> 3) % entries.length];
  return Object.fromEntries(
    entries.map(([name, text], index) => [name, changed.includes(index) ? disturb(String(text), variant) : text]),
  ) as T;
}

/** The usual session or the usual claims, changed at random: what is to become of them, only the authorisers know. */
const disturbed: IdentityKind = {
  fate: 'open',
  make: (variant) => ({
    claims: variant % 2 === 0 ? claimsOf(disturbSome(USUAL, variant >> 1)) : disturbSome(claimsOf(USUAL), variant >> 1),
    at: 'usual',
  }),
};

/** Roles that one profile lists and the others do not. */
const listedOnce: IdentityKind = {
  fate: 'open',
  make: (variant) => ({
    claims: claimsOf({ ...USUAL, role: 'somebody-else', account: at([ACCOUNT, OTHER_ACCOUNT], variant) }),
    at: 'usual',
  }),
};

/** Kinds of callers: those in order, and what comes near them. */
export const IDENTITIES = {
  ...PROVEN,
  ...MISNAMED,
  ...MISSHAPEN,
  ...CONTRADICTORY,
  'listed by one profile': listedOnce,
  'changed at random': disturbed,
} as const;

export type IdentityName = keyof typeof IDENTITIES;

/** The names of the kinds with this fate. */
export const identitiesWith = (fate: Fate): readonly IdentityName[] =>
  (Object.keys(IDENTITIES) as IdentityName[]).filter((name) => IDENTITIES[name].fate === fate);
