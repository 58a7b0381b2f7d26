import fc from 'fast-check';
import { EDIT_PATHS, type Edit, HOSTILE_VALUES } from './edits.ts';
import { CONTENT_TYPES, ENVELOPES, FORM_TYPES } from './envelopes.ts';
import { EXTRAS } from './extras.ts';
import { FITTING_PROFILES, fineFor, fittingForm, UNFIT_FOR } from './fitting.ts';
import { type FineName, FORMS, type FormName, type UnfitName } from './forms.ts';
import { identitiesWith } from './identities/all.ts';
import { PATHS, PLAIN_PATHS } from './paths.ts';
import type { Chosen, Endpoint, Format, Plan } from './plan.ts';
import { DOCUMENT } from './profiles.ts';
import { READABLE, SPELLINGS } from './spellings.ts';
import { at } from './variants.ts';

const variant = fc.nat();

const keys = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];

/** One of the names, mostly one of the `usual` ones; shrinks to the first of these. */
const mostly = <Name extends string>(share: number, usual: readonly Name[], all: readonly Name[]): fc.Arbitrary<Name> =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: share, arbitrary: fc.constantFrom(...usual) },
    { weight: 100 - share, arbitrary: fc.constantFrom(...all) },
  );

const chosen = <Name extends string>(names: fc.Arbitrary<Name>): fc.Arbitrary<Chosen<Name>> => fc.tuple(names, variant);

const identity = fc.oneof(
  { withCrossShrink: true },
  { weight: 71, arbitrary: fc.constantFrom(...identitiesWith('listed')) },
  { weight: 10, arbitrary: fc.constantFrom(...identitiesWith('unlisted')) },
  { weight: 13, arbitrary: fc.constantFrom(...identitiesWith('untrusted')) },
  { weight: 6, arbitrary: fc.constantFrom(...identitiesWith('open')) },
);

const edit: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.constantFrom(...EDIT_PATHS),
    fc.oneof(
      { withCrossShrink: true },
      { weight: 8, arbitrary: fc.constantFrom(...HOSTILE_VALUES) },
      { weight: 1, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
    ),
  )
  .map(([path, value]) => (value === undefined ? { path } : { path, value }));

const few = <T>(none: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: none, arbitrary: fc.constant<readonly T[]>([]) },
    { weight: 100 - none, arbitrary: fc.array(arbitrary, { minLength: 1, maxLength: 2 }) },
  );

/** Of what an event is made. A good part of the events is in order, so that both sides of each decision are met. */
export const plans: fc.Arbitrary<Plan> = fc
  .record({
    endpoint: fc.constantFrom<Endpoint>(
      'token',
      'token',
      'token',
      'token',
      'introspect',
      'introspect',
      'revoke',
      'revoke',
      'metadata',
    ),
    format: fc.constantFrom<Format>('2.0', 'REST', '1.0'),
    profile: fc.tuple(fc.integer({ min: 0, max: 9 }), variant),
    path: chosen(mostly(85, PLAIN_PATHS, keys(PATHS))),
    identity: chosen(identity),
    form: chosen(
      fc.oneof(
        { withCrossShrink: true },
        { weight: 90, arbitrary: fc.constant('fitting') },
        { weight: 10, arbitrary: fc.constantFrom(...keys(FORMS)) },
      ),
    ),
    fine: few(50, variant),
    unfit: few(70, variant),
    spelling: chosen(mostly(85, READABLE, keys(SPELLINGS))),
    envelope: chosen(mostly(90, ['base64', 'plain'] as const, keys(ENVELOPES))),
    contentType: chosen(mostly(90, FORM_TYPES, keys(CONTENT_TYPES))),
    extras: chosen(mostly(80, ['none'] as const, keys(EXTRAS))),
    edits: few(88, edit),
  })
  .map((raw): Plan => {
    const { endpoint } = raw;
    const [fit, which] = raw.profile;
    const profiles = fit < 9 ? FITTING_PROFILES[endpoint] : keys(DOCUMENT.profiles);
    const profile = profiles[which % profiles.length] ?? 'orders';
    const form = raw.form[0] === 'fitting' ? fittingForm(endpoint, profile) : (raw.form[0] as FormName);
    const fine = raw.fine.map((variant): Chosen<FineName> => [at(fineFor(form, profile), variant >> 3), variant]);
    const unfit = raw.unfit.map((variant): Chosen<UnfitName> => [at(UNFIT_FOR[form], variant >> 3), variant]);
    return { ...raw, profile, form: [form, raw.form[1]], fine, unfit };
  });
