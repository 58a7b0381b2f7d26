import { at } from './variants.ts';
import { SENT } from './zitadel.ts';

/** Members of an event that decide nothing, whatever they hold. */
export interface Extras {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly members?: Readonly<Record<string, unknown>>;
}

const FORM = 'application/x-www-form-urlencoded';
const ROLE = 'arn:aws:sts::123456789012:assumed-role/orders-service/i-0abc';

const query = (parameters: Readonly<Record<string, string>>): Extras => ({
  members: {
    rawQueryString: new URLSearchParams(parameters).toString(),
    queryStringParameters: parameters,
    multiValueQueryStringParameters: Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, [value]]),
    ),
  },
});

/** Kinds of what comes with an event besides. */
export const EXTRAS = {
  none: () => ({}),
  'form in the query': (variant) =>
    query(
      at(
        [
          { grant_type: 'client_credentials' },
          { token: at(SENT.active, variant) },
          { scope: 'openid', client_id: 'foreign' },
        ],
        variant,
      ),
    ),
  'profile in the query': (variant) => query({ profile: at(['orders', 'foreign'], variant), userArn: ROLE }),
  'other headers in multiValueHeaders': (variant) => ({
    members: { multiValueHeaders: { 'content-type': at([['text/plain'], [FORM], [FORM, 'text/plain'], []], variant) } },
  }),
  'headers that name a caller': () => ({
    headers: {
      'x-amz-user-arn': ROLE,
      'x-forwarded-user': 'orders-service',
      'x-amzn-requestcontext': '{"identity":{}}',
    },
  }),
  'tokens in the headers': (variant) => ({
    headers: { authorization: `Bearer ${at(SENT.active, variant)}`, cookie: `token=${at(SENT.goodActors, variant)}` },
    members: { cookies: [`token=${at(SENT.goodSubjects, variant)}`] },
  }),
  'another method': (variant) => ({ members: { httpMethod: at(['GET', 'DELETE', '', 'post'], variant) } }),
  'stage variables': () => ({
    members: { stageVariables: { profile: 'foreign', userArn: ROLE, PUBLIC_URL: 'https://evil.example' } },
  }),
} as const satisfies Readonly<Record<string, (variant: number) => Extras>>;

export type ExtrasName = keyof typeof EXTRAS;
