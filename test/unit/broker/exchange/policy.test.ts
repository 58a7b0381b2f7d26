import { describe, expect, test } from 'vitest';
import { allowExchange } from '../../../../lib/broker/exchange/policy.ts';
import type { ExchangeRules } from '../../../../lib/broker/profiles/exchange-rules.ts';
import { parseForm } from '../../../../lib/oauth/form.ts';

const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;
const [ACCESS_TOKEN, ID_TOKEN, JWT] = ['access_token', 'id_token', 'jwt'].map(type) as [string, string, string];
const USER_ID = 'urn:zitadel:params:oauth:token-type:user_id';

const RULES: ExchangeRules = {
  subjectTokenTypes: [ACCESS_TOKEN],
  requestedTokenTypes: [ACCESS_TOKEN],
  scopes: ['a'],
  audiences: ['b', 'a'],
  impersonation: false,
};
const OPEN: ExchangeRules = {
  ...RULES,
  subjectTokenTypes: [ACCESS_TOKEN, ID_TOKEN, JWT, USER_ID],
  requestedTokenTypes: [ACCESS_TOKEN, JWT],
  impersonation: true,
};
const GOOD = `subject_token=s&subject_token_type=${ACCESS_TOKEN}`;
const ACTOR = `actor_token=t&actor_token_type=${ACCESS_TOKEN}`;

function allow(body: string, rules = RULES) {
  const form = parseForm(body);
  if (!form.ok) throw new Error(form.error);
  const allowed = allowExchange(form.value, rules);
  if (!allowed.ok) return allowed.error;
  const { subjectToken, actor, ...rest } = allowed.value;
  const shown = actor && { token: actor.token.reveal(), tokenType: actor.tokenType };
  return { subjectToken: subjectToken.reveal(), ...rest, ...(actor === undefined ? {} : { actor: shown }) };
}

const WISH = { subjectToken: 's', subjectTokenType: ACCESS_TOKEN, requestedTokenType: ACCESS_TOKEN, audiences: [] };

describe('what is allowed', () => {
  test.each<[body: string, rules: ExchangeRules, expected: object]>([
    [GOOD, RULES, WISH],
    [`${GOOD}&requested_token_type=${ACCESS_TOKEN}`, RULES, WISH],
    [`${GOOD}&requested_token_type=${JWT}`, OPEN, { ...WISH, requestedTokenType: JWT }],
    [`${GOOD}&audience=b&audience=a&audience=b`, RULES, { ...WISH, audiences: ['a', 'b'] }],
    [`${GOOD}&${ACTOR}`, OPEN, { ...WISH, actor: { token: 't', tokenType: ACCESS_TOKEN } }],
    ...[ID_TOKEN, JWT, USER_ID].map(
      (subjectTokenType) =>
        [
          `subject_token=s&subject_token_type=${subjectTokenType}&${ACTOR}`,
          OPEN,
          { ...WISH, subjectTokenType, actor: { token: 't', tokenType: ACCESS_TOKEN } },
        ] as [string, ExchangeRules, object],
    ),
    ...[ACCESS_TOKEN, ID_TOKEN, JWT, USER_ID].map(
      (tokenType) =>
        [
          `${GOOD}&actor_token=t&actor_token_type=${tokenType}`,
          OPEN,
          { ...WISH, actor: { token: 't', tokenType } },
        ] as [string, ExchangeRules, object],
    ),
  ])('%s', (body, rules, expected) => expect(allow(body, rules)).toStrictEqual(expected));
});

describe('what is refused', () => {
  const request = (detail: string) => ({ kind: 'invalid_request', detail });
  const target = {
    kind: 'invalid_target',
    detail: 'this profile does not allow the audience, and resource is not supported',
  };
  const together = request('actor_token and actor_token_type must be sent together');
  const needed = request('this subject_token_type needs actor_token and actor_token_type');
  test.each<[body: string, rules: ExchangeRules, error: object]>([
    [`subject_token_type=${ACCESS_TOKEN}`, RULES, request('subject_token is missing')],
    ['subject_token=s', RULES, request('subject_token_type is missing')],
    [
      `subject_token=s&subject_token_type=${USER_ID}&${ACTOR}`,
      RULES,
      request('this profile does not exchange tokens of this subject_token_type'),
    ],
    [
      `${GOOD}&requested_token_type=${JWT}`,
      RULES,
      request('this profile does not hand out tokens of this requested_token_type'),
    ],
    [`${GOOD}&actor_token=t`, OPEN, together],
    [`${GOOD}&actor_token_type=${ACCESS_TOKEN}`, OPEN, together],
    [`${GOOD}&${ACTOR}`, RULES, request('this profile does not allow an actor')],
    [`${GOOD}&actor_token=t&actor_token_type=x`, OPEN, request('actor_token_type is not a supported token type')],
    ...[ID_TOKEN, JWT, USER_ID].map(
      (subject) => [`subject_token=s&subject_token_type=${subject}`, OPEN, needed] as [string, ExchangeRules, object],
    ),
    [`${GOOD}&audience=c`, RULES, target],
    [`${GOOD}&audience=a&audience=c`, RULES, target],
    [`${GOOD}&resource=a`, RULES, target],
  ])('%s', (body, rules, error) => expect(allow(body, rules)).toEqual(error));
});
