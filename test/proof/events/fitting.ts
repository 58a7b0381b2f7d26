import { FINE, type FineName, type FormName, type UnfitName } from './forms.ts';
import type { Endpoint } from './plan.ts';
import type { ProfileName } from './profiles.ts';

/** Profiles that have what the endpoint needs. */
export const FITTING_PROFILES: Readonly<Record<Endpoint, readonly ProfileName[]>> = {
  token: ['orders', 'reports', 'billing', 'both', 'derived', 'portal', 'exchanging', 'portal'],
  introspect: ['introspecting', 'remembering', 'revocable'],
  revoke: ['revocable'],
  metadata: ['orders'],
};

/** The form that the endpoint wants, and for a token the profile. */
export const fittingForm = (endpoint: Endpoint, profile: ProfileName): FormName => {
  if (endpoint !== 'token') return 'reference';
  return profile === 'exchanging' || profile === 'portal' ? 'exchange' : 'own';
};

/** Changes that every profile allows in a form of the kind. */
const FINE_FOR: Readonly<Record<FormName, readonly FineName[]>> = {
  own: [
    'scope of the profile',
    'client id of the profile',
    'parameter that nobody knows',
    'parameter without value',
    'other order',
    'filled up',
  ],
  exchange: [
    'scope of the profile',
    'client id of the profile',
    'parameter that nobody knows',
    'parameter without value',
    'other order',
    'filled up',
  ],
  reference: ['hint', 'client id of the profile', 'parameter that nobody knows', 'other order', 'filled up'],
};

/** Changes that leave the form fit to be served. */
export const fineFor = (form: FormName, profile: ProfileName): readonly FineName[] =>
  profile === 'portal' && form === 'exchange' ? (Object.keys(FINE) as FineName[]) : FINE_FOR[form];

const UNFIT_FOR_ALL: readonly UnfitName[] = [
  'one missing',
  'one twice',
  'one twice with another value',
  'one empty',
  'name in other letters',
  'client id of another',
  'much too large',
  'very many',
];
const UNFIT_FOR_TOKENS: readonly UnfitName[] = [
  'scope outside the profile',
  'scope badly written',
  "scope of ZITADEL's own API",
  'audience of another',
  'resource',
  'unknown grant',
  'the other grant',
  'a little too large',
];

/** Changes that mean something in a form of the kind. */
export const UNFIT_FOR: Readonly<Record<FormName, readonly UnfitName[]>> = {
  own: [...UNFIT_FOR_ALL, ...UNFIT_FOR_TOKENS],
  exchange: [
    ...UNFIT_FOR_ALL,
    ...UNFIT_FOR_TOKENS,
    'other subject type',
    'other requested type',
    'refused subject',
    'refused subject',
    'actor without type',
    'type without actor',
    'actor of no use',
    'actor of no use',
    'actor of unknown type',
  ],
  reference: [
    ...UNFIT_FOR_ALL,
    'token of another application',
    'token of another application',
    'odd token',
    'odd token',
  ],
};
