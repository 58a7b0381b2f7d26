import { json, nested } from '../answers.ts';
import { type Kind, only } from './kind.ts';
import { kinds, words } from './table.ts';

/** Values of `active` that are not booleans: they say nothing of the token, and never "inactive". */
const ACTIVE = words(`
  "true" "false" 1 0 -1 null "" "yes" [] [true] {} {"value":true} TRUE True yes NaN undefined true, 1e999 "\\u0074rue"
`);

/** Ends of a token's life: the broker keeps an answer no longer, and must accept all. */
const EXPIRIES = words(`
  0 -1 1e308 -1e308 1e999 -1e999 0.1 9007199254740993 18446744073709551615 null "soon" "4102444800" [4102444800] {}
  true 1795438701 1795438700
`);

const NONSENSE = only('introspection', 'nonsense');
const ANSWER = only('introspection', 'answer');

export const introspectionKinds: readonly Kind[] = [
  ...kinds('introspection: active is *', NONSENSE, (text) => json(`{"active":${text}}`), ACTIVE),
  // Objects without a member `active`.
  ...kinds('introspection: *', NONSENSE, (body) => json(body), {
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
  }),
  ...kinds('introspection: exp is *', ANSWER, (text) => json(`{"active":true,"exp":${text}}`), EXPIRIES),
  ...kinds('introspection: *', ANSWER, (body) => json(body), {
    inactive: '{"active":false}',
    'inactive, with claims all the same': '{"active":false,"sub":"1","exp":4102444800}',
    'active in escapes': '{"\\u0061ctive":true}',
    'active twice, the last is true': '{"active":"x","active":true}',
    '1,000 roles': `{"active":true,"roles":[${'"a",'.repeat(999)}"a"]}`,
    'claims 10,000 deep': `{"active":true,"deep":${nested()}}`,
    'a claim of 60 kB': `{"active":true,"claim":"${'a'.repeat(60_000)}"}`,
    'claims with line breaks': '{"active":true,"name":"a\\r\\nb\\u0000"}',
    'a polluted prototype': '{"active":true,"__proto__":{"isAdmin":true}}',
    'claims in HTML': '{"active":true,"name":"<script>alert(1)</script>"}',
  }),
];
