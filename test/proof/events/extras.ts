import { FORM_TYPE } from './bodies.ts';
import { SENT } from './setting.ts';
import { at, type Kinds } from './variants.ts';

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
} satisfies Kinds<Extras>;

/** One change to an event, at the end of a path of members. */
export interface Edit {
  readonly path: readonly string[];
  /** Puts a hostile value there, or, if absent, removes the member. */
  readonly value?: unknown;
}

const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown =>
  Array.from({ length: depth }).reduce<unknown>(wrap, 'x');

/** Values that no honest event has; as JSON, since that is how an event arrives. */
export const HOSTILE_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, 1e308, 123456789012],
  ...['', ' ', 'x', '2.0', '1.0', '\0', '\ud800', '\r\nset-cookie: a=b', '$(reboot)', '"}{"level":"info"', '../../..'],
  ...['💥'.repeat(50), 'x'.repeat(20_000)],
  ...[[], {}, [[]], [null], ['orders'], { 0: 'x', length: 1 }, { length: 4_294_967_295 }],
  { toString: null, valueOf: null },
  { toString: 'x', toJSON: 'x' },
  JSON.parse('{"then":"x"}'),
  JSON.parse('{"__proto__":{"version":"2.0","profile":"orders"}}'),
  { constructor: { prototype: { profile: 'orders' } } },
  nested(50, (inner) => [inner]),
  nested(50, (inner) => ({ x: inner })),
  nested(900, (inner) => [inner]),
  Array.from({ length: 500 }, (_, index) => index),
];

/** Where an event is changed: members that are read, members that are not, and the whole of it. */
export const EDIT_PATHS: readonly (readonly string[])[] = [
  ...['version', 'headers', 'body', 'isBase64Encoded', 'pathParameters', 'pathParameters.profile', 'rawPath', 'path'],
  ...['requestContext', 'requestContext.authorizer', 'requestContext.authorizer.iam', 'requestContext.identity'],
  ...['requestId', 'domainName', 'path', 'accountId', 'stage'].map((name) => `requestContext.${name}`),
  ...['headers.host', 'headers.x', 'headers.__proto__', 'requestContext.__proto__', '__proto__', 'constructor'],
  ...['multiValueHeaders', 'queryStringParameters', 'rawQueryString', 'cookies', 'resource', 'routeKey'],
  ...['stageVariables', 'then', ''],
].map((path) => path.split('.').filter((name) => name !== ''));

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The event after the change; members named `__proto__` become its own, as `JSON.parse` makes them. */
export function applyEdit(event: unknown, { path, ...edit }: Edit): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return 'value' in edit ? edit.value : undefined;
  if (!isObject(event)) return event;
  const kept = Object.entries(event).filter(([known]) => known !== name);
  const inner = Object.hasOwn(event, name) ? event[name] : {};
  const changed = applyEdit(inner, { path: rest, ...edit });
  return Object.fromEntries(changed === undefined ? kept : [...kept, [name, changed]]);
}
