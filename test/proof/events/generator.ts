import fc from 'fast-check';
import { fineFor, UNFIT_FOR } from './changes.ts';
import { EDIT_PATHS, type Edit, HOSTILE_VALUES } from './edits.ts';
import type { Endpoint } from './endpoints.ts';
import { FORM_TYPES } from './envelopes.ts';
import { type FormName, fittingForm } from './forms.ts';
import { FATES } from './identities.ts';
import { PLAIN_PATHS } from './paths.ts';
import { type Format, KINDS, type Plan } from './plan.ts';
import { DOCUMENT, type ProfileName } from './profiles.ts';
import { READABLE } from './spellings.ts';
import { at, namesOf } from './variants.ts';

/** Profiles that have what the endpoint needs. */
const FITTING_PROFILES: Readonly<Record<Endpoint, readonly ProfileName[]>> = {
  token: ['orders', 'reports', 'billing', 'both', 'derived', 'portal', 'exchanging', 'portal'],
  introspect: ['introspecting', 'remembering', 'revocable'],
  revoke: ['revocable'],
  metadata: ['orders'],
};

const ENDPOINT_WEIGHTS: Readonly<Record<Endpoint, number>> = { token: 4, introspect: 2, revoke: 2, metadata: 1 };

const variant = fc.nat();

/** One of the options, as often as its weight says; shrinks to the first. */
const weighted = <T>(...options: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof({ withCrossShrink: true }, ...options.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** One of the names and a variant, mostly one of the `usual` names; shrinks to the first of these. */
const mostly = <Name extends string>(share: number, usual: readonly Name[], all: readonly Name[]) =>
  fc.tuple(weighted<Name>([share, fc.constantFrom(...usual)], [100 - share, fc.constantFrom(...all)]), variant);

const fated = (fate: keyof typeof FATES) => fc.constantFrom(...namesOf(FATES[fate]));

const edit: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.constantFrom(...EDIT_PATHS),
    weighted([8, fc.constantFrom(...HOSTILE_VALUES)], [1, fc.constant(undefined)], [1, fc.jsonValue({ maxDepth: 2 })]),
  )
  .map(([path, value]) => (value === undefined ? { path } : { path, value }));

/** None in `none` of 100 cases, otherwise one or two. */
const few = <T>(none: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  weighted<readonly T[]>([none, fc.constant([])], [100 - none, fc.array(arbitrary, { minLength: 1, maxLength: 2 })]);

/** What events are made of. Many of the events are in order, so that both sides of each decision occur. */
export const plans: fc.Arbitrary<Plan> = fc
  .record({
    endpoint: fc.constantFrom(
      ...namesOf(ENDPOINT_WEIGHTS).flatMap((name) => Array<Endpoint>(ENDPOINT_WEIGHTS[name]).fill(name)),
    ),
    format: fc.constantFrom<Format>('2.0', 'REST', '1.0'),
    profile: fc.tuple(fc.integer({ min: 0, max: 9 }), variant),
    path: mostly(85, PLAIN_PATHS, namesOf(KINDS.path)),
    identity: fc.tuple(
      weighted([71, fated('listed')], [10, fated('unlisted')], [13, fated('untrusted')], [6, fated('open')]),
      variant,
    ),
    form: fc.tuple(
      weighted<'fitting' | FormName>([90, fc.constant('fitting')], [10, fc.constantFrom(...namesOf(KINDS.form))]),
      variant,
    ),
    fine: few(50, variant),
    unfit: few(70, variant),
    spelling: mostly(85, READABLE, namesOf(KINDS.spelling)),
    envelope: mostly(90, ['base64', 'plain'], namesOf(KINDS.envelope)),
    contentType: mostly(90, FORM_TYPES, namesOf(KINDS.contentType)),
    extras: mostly(80, ['none'], namesOf(KINDS.extras)),
    edits: few(88, edit),
  })
  .map((raw): Plan => {
    const { endpoint } = raw;
    const [fit, which] = raw.profile;
    const profile = at(fit < 9 ? FITTING_PROFILES[endpoint] : namesOf(DOCUMENT.profiles), which);
    const [name, variant] = raw.form;
    const form = name === 'fitting' ? fittingForm(endpoint, profile) : name;
    const chosen = <Name extends string>(names: readonly Name[], variants: readonly number[]) =>
      variants.map((variant) => [at(names, variant >> 3), variant] as const);
    return {
      ...raw,
      profile,
      form: [form, variant],
      fine: chosen(fineFor(form, profile), raw.fine),
      unfit: chosen(UNFIT_FOR[form], raw.unfit),
    };
  });
