import type { PROMISES as OF_ASSERTIONS } from '../events/answer-rules.ts';
import type { Mutants } from '../runner/mutants.ts';
import type { PROMISES as OF_ISSUERS } from './issuers.ts';

/** Of what a single assertion shows. */
export const ASSERTION_MUTANTS: Mutants<(typeof OF_ASSERTIONS)[number]> = {
  'no request crashes the function, or is answered 5xx': {
    'throws at what it cannot parse':
      'broker/federation/verify.ts: if (!parsed.ok) return refused(parsed.error); → if (!parsed.ok) throw new Error();',
  },
  'each decision is that of a second judge': {
    'believes every signature': 'broker/federation/verify.ts:     return false; →     return true;',
    'takes every algorithm for which the issuer has a key': [
      'broker/federation/verify.ts: !issuer.algorithms.some((algorithm) => algorithm === header.alg) → false',
      'broker/federation/verify.ts: algorithms: [...algorithms] → algorithms: [...algorithms, header(jwt)]',
      "broker/federation/verify.ts: type KeySet = → const header = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()).alg;\ntype KeySet =",
    ],
    'reads one of two members': 'broker/federation/jws.ts: hasDuplicates(json, value) ? undefined : value → value',
    'takes other spellings of base64':
      "broker/federation/jws.ts: Buffer.from(part, 'base64url').toString('base64url') === part → true",
    'takes bytes that are not UTF-8':
      'broker/federation/jws.ts: if (!Buffer.from(json).equals(bytes)) return undefined; → ',
    'takes assertions of any length': 'broker/federation/jws.ts: compact.length > LONGEST_ASSERTION → false',
    'ignores header parameters that it does not follow':
      'broker/federation/jws.ts: REFUSED.some((name) => name in header) → false',
    'takes access tokens': 'broker/federation/jws.ts: !TYPES.includes(typ) → false',
    'takes the first of several audiences': 'broker/federation/judge.ts: aud.length === 1 → aud.length > 0',
    'takes audiences that begin with its own':
      'broker/federation/judge.ts: audiences.includes(only) → audiences.some((one) => only.startsWith(one))',
    'takes what has expired': 'broker/federation/judge.ts: exp * SECOND_MS <= now → exp * SECOND_MS < now',
    'takes what lives for years': [
      'broker/federation/judge.ts: exp * SECOND_MS > now + longestMs + AHEAD_MS → false',
      'broker/federation/judge.ts: (exp - iat) * SECOND_MS > longestMs → false',
    ],
    'takes instants that are texts':
      "broker/federation/judge.ts: typeof value === 'number' && Number.isFinite(value) → Number(value) > 0",
    'takes what is not valid yet': 'broker/federation/judge.ts: nbf * SECOND_MS > now + AHEAD_MS → false',
    'needs no iat':
      "broker/federation/judge.ts: iat === undefined && kind === 'spiffe' && maxAgeMs === undefined → iat === undefined",
    'forgets the age': 'broker/federation/judge.ts: now - iat * SECOND_MS > (maxAgeMs ?? longestMs) → false',
    'takes any sub': 'broker/federation/judge.ts: !SUBJECT.test(sub) → false',
    'takes the iss of a SPIFFE token as it is': 'broker/federation/judge.ts: (issuer.iss ?? iss) === iss → true',
    'takes pull requests': 'broker/federation/judge.ts: FOREIGN_EVENT.test(event) → false',
    'takes what does not say what started it': "broker/federation/judge.ts: typeof event !== 'string' ||  → ",
    'takes other subjects of AWS': "broker/federation/judge.ts: mode === 'AWSIdentity' && asked → mode !== '' && asked",
    'lets a prefix lead into another namespace':
      'broker/federation/policy.ts: /^[\\x21-\\x2e\\x30-\\x39\\x3b-\\x7e]*$/.test(said.slice(value.length)) → true',
    'is content with one of the claims': 'broker/federation/policy.ts: rules.every((rule) → rules.some((rule)',
    'takes claims that begin as they should': 'broker/federation/policy.ts: said === value → said.startsWith(value)',
    'lets every workload use every profile':
      'broker/federation/policy.ts: profile.federated?.some((caller) => matches(caller, principal)) → true',
    'tells an unknown profile from one of others':
      "broker/federation/policy.ts: return fail({ kind: 'not_allowed', detail: 'no such profile' }) → return fail({ kind: 'invalid_request', detail: 'no such profile' })",
    'takes two identities': 'http/federated-door.ts: if (isSigned(event)) → if (false)',
    'takes a SPIFFE token for any assertion': [
      "broker/federation/verify.ts: if (issuer === undefined || (issuer.kind === 'spiffe') !== isSpiffe) → if (issuer === undefined)",
      'broker/federation/verify.ts: isSpiffe ? trustDomainOf(claims.sub) : String(claims.iss) → trustDomainOf(claims.sub) || String(claims.iss)',
    ],
  },
  'each answer keeps the rules of answers, and repeats no secret': {
    'repeats the name of the profile': 'http/federated-door.ts: isProfileName(profile) ? [base → profile ? [base',
  },
};

/** Of what an issuer does over time. */
export const ISSUER_MUTANTS: Mutants<(typeof OF_ISSUERS)[number]> = {
  'no foreign assertion gets a token': {
    'remembers every key that an issuer has ever had':
      'broker/federation/issuer-keys.ts: known.set(issuer.name, { keys, readAt → known.set(issuer.name, { keys: [...(known.get(issuer.name)?.keys ?? []), ...keys], readAt',
  },
  'no request leaves for another origin': {
    'reads keys wherever the metadata says':
      'broker/federation/issuer-keys.ts: new URL(uri).origin === new URL(issuer).origin → uri.length > 0',
  },
  'an assertion is not refused because its issuer is away': {
    'takes an issuer that is away for one without keys':
      'broker/federation/issuer-keys.ts: fault === undefined || has(KEPT_AWAY_MS) ? → fault !== null ?',
    'forgets the keys when an issuer goes':
      'broker/federation/issuer-keys.ts: if (!document.ok) return document.error; → if (!document.ok) {\n      known.delete(issuer.name);\n      return undefined;\n    }',
  },
  'a rotated key is accepted within 30 s of its first use': {
    'reads new keys too seldom':
      'broker/federation/issuer-keys.ts: REREAD_MS = 30 * SECOND_MS → REREAD_MS = 90 * SECOND_MS',
    'takes what it knows for all there is':
      'broker/federation/issuer-keys.ts:  && held.keys.some((key) => key.kid === kid) → ',
  },
  'an issuer is read at most once in 30 s': {
    'reads for every key id': 'broker/federation/issuer-keys.ts: sinceMs >= REREAD_MS || → true ||',
    'reads twice at once': [
      'broker/federation/issuer-keys.ts: if (running !== undefined) return running; → ',
      'broker/federation/issuer-keys.ts:  || reading.has(name) →  || kid !== undefined',
    ],
  },
  'an issuer that is back is used within 30 s': {
    'believes for long that an issuer is away':
      'broker/federation/issuer-keys.ts: const mayRead = sinceMs >= REREAD_MS → const mayRead = sinceMs >= (faults.get(name) === undefined ? 1 : 10) * REREAD_MS',
  },
  'keys are used for a day at most': {
    'keeps keys for good': 'broker/federation/issuer-keys.ts: KEPT_AWAY_MS = DAY_MS → KEPT_AWAY_MS = 1000 * DAY_MS',
  },
};
