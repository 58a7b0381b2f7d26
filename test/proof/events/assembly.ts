import { applyEdit } from './edits.ts';
import { CONTENT_TYPES, ENVELOPES } from './envelopes.ts';
import { EXTRAS, type Extras } from './extras.ts';
import { FINE, FORMS, type Pairs, UNFIT } from './forms.ts';
import { IDENTITIES } from './identities/all.ts';
import type { Claims, Identity } from './identities/kind.ts';
import { PATHS } from './paths.ts';
import { DOMAIN, type Format, type Plan, REQUEST_ID, ROUTES } from './plan.ts';
import { SPELLINGS } from './spellings.ts';

const named = ({ callerId, userId, ...claims }: Partial<Claims>, callerName: string, userName: string): object => ({
  ...claims,
  ...(callerId === undefined ? {} : { [callerName]: callerId }),
  ...(userId === undefined ? {} : { [userName]: userId }),
});

/** The members of `requestContext` that tell who signed. */
function contextOf(format: Format, { claims, at }: Identity): object {
  const iam = { authorizer: { iam: { accessKey: 'ASIAEXAMPLE', ...named(claims, 'callerId', 'userId') } } };
  const identity = {
    identity: { accessKey: 'ASIAEXAMPLE', ...named(claims, 'caller', 'user'), sourceIp: '192.0.2.1' },
  };
  const [own, other] = format === '2.0' ? [iam, identity] : [identity, iam];
  switch (at) {
    case 'usual':
      return own;
    case 'of the other format':
      return other;
    case 'under __proto__':
      return JSON.parse(
        `{"authorizer":{"iam":{"__proto__":${JSON.stringify(iam.authorizer.iam)}}},"identity":{"__proto__":${JSON.stringify(identity.identity)}},"__proto__":${JSON.stringify({ ...iam, ...identity })}}`,
      );
    case 'beside':
      return {
        ...claims,
        ...iam.authorizer.iam,
        authorizer: { ...claims, jwt: { claims }, lambda: iam, claims },
        iam: iam.authorizer.iam,
      };
    case 'headers':
      return {};
  }
}

function pairsOf({ form, fine, unfit, profile }: Plan): Pairs {
  let pairs: Pairs = FORMS[form[0]](form[1]);
  for (const [name, variant] of fine) pairs = FINE[name](pairs, variant, profile);
  for (const [name, variant] of unfit) pairs = UNFIT[name](pairs, variant, profile);
  return pairs;
}

/** The event as it arrives: a value that JSON can hold, and nothing that anything else shares with it. */
export function assemble(plan: Plan): unknown {
  const { endpoint, format, profile } = plan;
  const route = ROUTES[endpoint];
  const identity = IDENTITIES[plan.identity[0]].make(plan.identity[1]);
  const { parameter, path } = PATHS[plan.path[0]](profile, route, plan.path[1]);
  const bytes = SPELLINGS[plan.spelling[0]](pairsOf(plan), plan.spelling[1]);
  const sent = endpoint === 'metadata' ? { body: null } : ENVELOPES[plan.envelope[0]](bytes, plan.envelope[1]);
  const extras: Extras = EXTRAS[plan.extras[0]](plan.extras[1]);
  const headers = {
    ...extras.headers,
    ...CONTENT_TYPES[plan.contentType[0]](plan.contentType[1]),
    host: DOMAIN,
    ...(identity.at === 'headers' ? { ...identity.claims, 'x-amzn-iam': JSON.stringify(identity.claims) } : {}),
  };
  const context = {
    accountId: '555555555555',
    requestId: REQUEST_ID,
    domainName: DOMAIN,
    stage: '$default',
    ...contextOf(format, identity),
  };
  const common = {
    ...(parameter === undefined ? {} : { pathParameters: { profile: parameter } }),
    requestContext: context,
    headers,
    ...sent,
  };
  const event =
    format === '2.0'
      ? {
          version: '2.0',
          routeKey: `POST /{profile}${route}`,
          rawPath: path,
          rawQueryString: '',
          ...common,
          ...extras.members,
        }
      : {
          ...(format === '1.0' ? { version: '1.0' } : {}),
          resource: `/{profile}${route}`,
          path,
          httpMethod: 'POST',
          multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
          queryStringParameters: null,
          ...common,
          ...extras.members,
        };
  const text = JSON.stringify(plan.edits.reduce<unknown>(applyEdit, event));
  return text === undefined ? undefined : JSON.parse(text);
}
