import type { Mutants } from '../runner/mutants.ts';
import type { PROMISES } from './answer-rules.ts';

export const EVENT_MUTANTS: Mutants<(typeof PROMISES)[number]> = {
  'no request crashes the function, or is answered 5xx': {
    'takes every header for a text':
      'http/gateway-request.ts: return text(headers[key]); → return (headers[key] as string).trim();',
  },
  'each decision is that of a second judge': {
    'takes any session of the caller id': 'http/identity.ts: if (caller?.[1] !== session) → if (caller === null)',
    'takes the account of the ARN': 'http/identity.ts: if (accountId !== account) → if (false)',
    'takes any user id': 'http/identity.ts: if (userId !== callerId) → if (false)',
    'takes the profile of the path, whatever the parameter is':
      "http/gateway-request.ts: if (parameter !== '') return parameter; → ",
    'takes any content type': "http/gateway-request.ts: .toLowerCase() !== FORM_TYPE) → .toLowerCase() === '')",
    'takes a parameter twice': 'oauth/form.ts: known !== undefined && !REPEATABLE.includes(name) → false',
  },
  'each answer keeps the rules of answers, and repeats no secret': {
    'lets answers be cached':
      "http/answer.ts: 'cache-control': 'no-store', pragma → 'cache-control': 'private', pragma",
  },
};
