import { FORM_TYPE } from './envelopes.ts';
import { SENT } from './tokens.ts';
import { at, type Variants } from './variants.ts';

/** Members of an event that decide nothing, whatever they hold. */
export interface Extras {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly members?: Readonly<Record<string, unknown>>;
}

const ROLE = 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc';

const CALLER_HEADERS = {
  'x-amz-user-arn': ROLE,
  'x-forwarded-user': 'orders-service',
  'x-amzn-requestcontext': '{"identity":{}}',
};

const query = (parameters: Readonly<Record<string, string>>): Extras => {
  const lists = Object.entries(parameters).map(([name, value]) => [name, [value]]);
  return {
    members: {
      rawQueryString: new URLSearchParams(parameters).toString(),
      queryStringParameters: parameters,
      multiValueQueryStringParameters: Object.fromEntries(lists),
    },
  };
};

/** Kinds of what comes with an event besides. */
export const EXTRAS = {
  none: [{}],
  'form in the query': (variant) => [
    query({ grant_type: 'client_credentials' }),
    query({ token: at(SENT.active, variant) }),
    query({ scope: 'openid', client_id: 'foreign' }),
  ],
  'profile in the query': ['orders', 'foreign'].map((profile) => query({ profile, userArn: ROLE })),
  'other headers in multiValueHeaders': [['text/plain'], [FORM_TYPE], [FORM_TYPE, 'text/plain'], []].map((types) => ({
    members: { multiValueHeaders: { 'content-type': types } },
  })),
  'headers that name a caller': [{ headers: CALLER_HEADERS }],
  'tokens in the headers': (variant) => [
    {
      headers: { authorization: `Bearer ${at(SENT.active, variant)}`, cookie: `token=${at(SENT.goodActors, variant)}` },
      members: { cookies: [`token=${at(SENT.goodSubjects, variant)}`] },
    },
  ],
  'another method': ['GET', 'DELETE', '', 'post'].map((httpMethod) => ({ members: { httpMethod } })),
  'stage variables': [
    { members: { stageVariables: { profile: 'foreign', userArn: ROLE, PUBLIC_URL: 'https://evil.example' } } },
  ],
} as const satisfies Readonly<Record<string, Variants<Extras>>>;
