import { json, type Kind, kind, type Meaning } from './kind.ts';

const says = (name: string, meaning: Meaning, body: string): Kind =>
  kind(`introspection: ${name}`, { introspection: meaning }, json(body));

/** `active` that is neither true nor false says nothing of the token: never "inactive". */
const ACTIVE = [
  '"true"',
  '"false"',
  '1',
  '0',
  '-1',
  'null',
  '""',
  '"yes"',
  '[]',
  '[true]',
  '{}',
  '{"value":true}',
  'TRUE',
  'True',
  'yes',
  'NaN',
  'undefined',
  'true,',
  '1e999',
  '"\\u0074rue"',
];
const noBooleans = ACTIVE.map((text) => says(`active is ${text}`, 'nonsense', `{"active":${text}}`));

/** Objects that do not say it. */
const SILENT: Readonly<Record<string, string>> = {
  'no member': '{}',
  'other members alone': '{"sub":"1","scope":"openid","exp":4102444800}',
  'active in capitals': '{"Active":true,"ACTIVE":true}',
  'active with a space': '{"active ":true," active":true}',
  'active one level down': '{"result":{"active":true}}',
  'active in a prototype': '{"__proto__":{"active":true}}',
  'active in a constructor': '{"constructor":{"prototype":{"active":true}}}',
  'a token response': '{"access_token":"a","token_type":"Bearer","expires_in":3600}',
  'an error': '{"error":"invalid_client","error_description":"no"}',
  'a revoked token in words': '{"message":"token is revoked"}',
  'active twice, the last is null': '{"active":true,"active":null}',
};
const silent = Object.entries(SILENT).map(([name, body]) => says(name, 'nonsense', body));

/** Ends of a token's life: the broker keeps an answer no longer, and must not stumble over any. */
const EXPIRIES = [
  '0',
  '-1',
  '1e308',
  '-1e308',
  '1e999',
  '-1e999',
  '0.1',
  '9007199254740993',
  '18446744073709551615',
  'null',
  '"soon"',
  '"4102444800"',
  '[4102444800]',
  '{}',
  'true',
  '1795438701',
  '1795438700',
];
const expiries = EXPIRIES.map((text) => says(`exp is ${text}`, 'answer', `{"active":true,"exp":${text}}`));

const good: readonly Kind[] = [
  says('inactive', 'answer', '{"active":false}'),
  says('inactive, with claims all the same', 'answer', '{"active":false,"sub":"1","exp":4102444800}'),
  says('active in escapes', 'answer', '{"\\u0061ctive":true}'),
  says('active twice, the last is true', 'answer', '{"active":"x","active":true}'),
  says('1,000 roles', 'answer', `{"active":true,"roles":[${'"a",'.repeat(999)}"a"]}`),
  says('claims 10,000 deep', 'answer', `{"active":true,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
  says('a claim of 60 kB', 'answer', `{"active":true,"claim":"${'a'.repeat(60_000)}"}`),
  says('claims with line breaks', 'answer', '{"active":true,"name":"a\\r\\nb\\u0000"}'),
  says('a polluted prototype', 'answer', '{"active":true,"__proto__":{"isAdmin":true}}'),
  says('claims in HTML', 'answer', '{"active":true,"name":"<script>alert(1)</script>"}'),
];

export const introspectionKinds: readonly Kind[] = [...noBooleans, ...silent, ...expiries, ...good];
