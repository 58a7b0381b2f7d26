import fc from 'fast-check';
import { CONTENT_TYPES, ENVELOPES, type Envelope, FORM_TYPES, READABLE, SPELLINGS } from './bodies.ts';
import { claimsOf, contextOf, FATES, IDENTITIES, type Identity } from './callers.ts';
import { applyEdit, EDIT_PATHS, type Edit, EXTRAS, type Extras, HOSTILE_VALUES } from './extras.ts';
import { CHANGES, FORMS, type FormName, fineFor, fittingForm, type Pairs, spell, UNFIT_FOR } from './forms.ts';
import { PATHS, type PathParts, PLAIN_PATHS } from './paths.ts';
import { DOCUMENT, DOMAIN, type Endpoint, type Format, type ProfileName, ROUTES } from './setting.ts';
import { at, namesOf, pick } from './variants.ts';

/** The parts of an event and the kinds of each. */
export const KINDS = {
  path: PATHS,
  identity: IDENTITIES,
  form: FORMS,
  spelling: SPELLINGS,
  envelope: ENVELOPES,
  contentType: CONTENT_TYPES,
  extras: EXTRAS,
} as const;

/** A kind, and which of its variants. */
type Chosen<Kinds> = readonly [name: keyof Kinds & string, variant: number];

type Parts = { readonly [Part in keyof typeof KINDS]: Chosen<(typeof KINDS)[Part]> };

/** What an event is made of: what a counterexample shows. */
export interface Plan extends Parts {
  readonly endpoint: Endpoint;
  readonly format: Format;
  readonly profile: ProfileName;
  readonly changes: readonly Chosen<typeof CHANGES>[];
  readonly edits: readonly Edit[];
}

/** A plan that is in order: a request for a token of one's own. */
export const USUAL: Plan = {
  endpoint: 'token',
  format: '2.0',
  profile: 'orders',
  path: ['usual', 0],
  identity: ['listed role', 0],
  form: ['own', 0],
  changes: [],
  spelling: ['usual', 0],
  envelope: ['base64', 0],
  contentType: ['usual', 0],
  extras: ['none', 0],
  edits: [],
};

/** Profiles that have what the endpoint needs. */
const FITTING_PROFILES: Readonly<Record<Endpoint, readonly ProfileName[]>> = {
  token: ['orders', 'reports', 'billing', 'both', 'derived', 'portal', 'exchanging', 'portal'],
  introspect: ['introspecting', 'remembering', 'revocable'],
  revoke: ['revocable'],
  metadata: ['orders'],
};

/** The endpoints, as often as they are chosen. */
const ENDPOINTS: readonly Endpoint[] = [
  ...(['token', 'token', 'token', 'token', 'introspect', 'introspect', 'revoke', 'revoke', 'metadata'] as const),
];

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
    endpoint: fc.constantFrom(...ENDPOINTS),
    format: fc.constantFrom<Format>('2.0', 'REST', '1.0'),
    profile: fc.tuple(fc.integer({ min: 0, max: 9 }), variant),
    path: mostly(85, namesOf(PLAIN_PATHS), namesOf(PATHS)),
    identity: fc.tuple(
      weighted([71, fated('listed')], [10, fated('unlisted')], [13, fated('untrusted')], [6, fated('open')]),
      variant,
    ),
    form: mostly<'fitting' | FormName>(90, ['fitting'], namesOf(FORMS)),
    fine: few(50, variant),
    unfit: few(70, variant),
    spelling: mostly(85, namesOf(READABLE), namesOf(SPELLINGS)),
    envelope: mostly(90, ['base64', 'plain'], namesOf(ENVELOPES)),
    contentType: mostly(90, namesOf(FORM_TYPES), namesOf(CONTENT_TYPES)),
    extras: mostly(80, ['none'], namesOf(EXTRAS)),
    edits: few(88, edit),
  })
  .map(({ endpoint, profile: [fit, which], form: [name, variant], fine, unfit, ...others }): Plan => {
    const profile = at(fit < 9 ? FITTING_PROFILES[endpoint] : namesOf(DOCUMENT.profiles), which);
    const form = name === 'fitting' ? fittingForm(endpoint, profile) : name;
    const chosen = <Name extends string>(names: readonly Name[], variants: readonly number[]) =>
      variants.map((variant) => [at(names, variant >> 3), variant] as const);
    return {
      ...others,
      endpoint,
      profile,
      form: [form, variant],
      changes: [...chosen(fineFor(form, profile), fine), ...chosen(UNFIT_FOR[form], unfit)],
    };
  });

/** The members of an event that hold the body. */
function envelopeOf({ form, changes, profile, spelling, envelope }: Plan): Envelope {
  let pairs: Pairs = FORMS[form[0]](form[1]);
  for (const [name, variant] of changes) pairs = CHANGES[name](pairs, variant, profile);
  const spelt = pick<string | Buffer, [string, Pairs]>(SPELLINGS, spelling, spell(pairs), pairs);
  const bytes = Buffer.from(spelt as string);
  return pick<Envelope, [string, string]>(ENVELOPES, envelope, bytes.toString(), bytes.toString('base64'));
}

/** The event as it arrives: a value that JSON can hold, and nothing that anything else shares with it. */
export function assemble(plan: Plan): unknown {
  const { endpoint, format, profile } = plan;
  const route = ROUTES[endpoint];
  const identity = pick<Identity>(IDENTITIES, plan.identity);
  const claims = claimsOf(identity);
  const { parameter, path } = pick<PathParts, [string, string]>(PATHS, plan.path, profile, route);
  const extras = pick<Extras>(EXTRAS, plan.extras);
  const headers = {
    ...extras.headers,
    ...pick<object>(CONTENT_TYPES, plan.contentType),
    host: DOMAIN,
    ...(identity.place === 'headers' ? { ...claims, 'x-amzn-iam': JSON.stringify(claims) } : {}),
  };
  const common = {
    ...(parameter === undefined ? {} : { pathParameters: { profile: parameter } }),
    requestContext: {
      accountId: '555555555555',
      // The id that API Gateway gives every request.
      requestId: 'JKJaXmPLvHcESHA=',
      domainName: DOMAIN,
      stage: '$default',
      ...contextOf(format, identity),
    },
    headers,
    ...(endpoint === 'metadata' ? { body: null } : envelopeOf(plan)),
    ...extras.members,
  };
  const event =
    format === '2.0'
      ? { version: '2.0', routeKey: `POST /{profile}${route}`, rawPath: path, rawQueryString: '', ...common }
      : {
          ...(format === '1.0' ? { version: '1.0' } : {}),
          resource: `/{profile}${route}`,
          path,
          httpMethod: 'POST',
          multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
          queryStringParameters: null,
          ...common,
        };
  const text = JSON.stringify(plan.edits.reduce<unknown>(applyEdit, event));
  return text === undefined ? undefined : JSON.parse(text);
}
