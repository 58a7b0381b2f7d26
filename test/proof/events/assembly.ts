import { FINE, UNFIT } from './changes.ts';
import { claimsOf, contextOf, type Identity } from './claims.ts';
import { applyEdit } from './edits.ts';
import { DOMAIN, ROUTES } from './endpoints.ts';
import { CONTENT_TYPES, ENVELOPES, type Envelope } from './envelopes.ts';
import { EXTRAS, type Extras } from './extras.ts';
import { FORMS, type Pairs, spell } from './forms.ts';
import { IDENTITIES } from './identities.ts';
import { PATHS } from './paths.ts';
import type { Plan } from './plan.ts';
import { SPELLINGS } from './spellings.ts';
import { at, pick } from './variants.ts';

/** The id that API Gateway gives every request. */
const REQUEST_ID = 'JKJaXmPLvHcESHA=';

/** The members of an event that hold the body. */
function envelopeOf({ form, fine, unfit, profile, spelling, envelope }: Plan): Envelope {
  let pairs: Pairs = FORMS[form[0]](form[1]);
  for (const [name, variant] of fine) pairs = FINE[name](pairs, variant, profile);
  for (const [name, variant] of unfit) pairs = UNFIT[name](pairs, variant, profile);
  const spelt = at(SPELLINGS[spelling[0]](spell(pairs), pairs, spelling[1]), spelling[1]);
  const bytes = typeof spelt === 'string' ? Buffer.from(spelt) : spelt;
  return at(ENVELOPES[envelope[0]](bytes.toString(), bytes.toString('base64'), envelope[1]), envelope[1]);
}

/** The event as it arrives: a value that JSON can hold, and nothing that anything else shares with it. */
export function assemble(plan: Plan): unknown {
  const { endpoint, format, profile } = plan;
  const route = ROUTES[endpoint];
  const identity: Identity = pick(IDENTITIES[plan.identity[0]], plan.identity[1]);
  const claims = claimsOf(identity);
  const { parameter, path } = at(PATHS[plan.path[0]](profile, route, plan.path[1]), plan.path[1]);
  const extras: Extras = pick(EXTRAS[plan.extras[0]], plan.extras[1]);
  const headers = {
    ...extras.headers,
    ...pick(CONTENT_TYPES[plan.contentType[0]], plan.contentType[1]),
    host: DOMAIN,
    ...(identity.place === 'headers' ? { ...claims, 'x-amzn-iam': JSON.stringify(claims) } : {}),
  };
  const common = {
    ...(parameter === undefined ? {} : { pathParameters: { profile: parameter } }),
    requestContext: {
      accountId: '555555555555',
      requestId: REQUEST_ID,
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
