import { beforeAll, describe, expect, test } from 'vitest';
import { CHANGES } from './forms.ts';
import { VIOLATIONS } from './judge.ts';
import { KINDS } from './plan.ts';
import { type Figures, runEvents } from './run.ts';
import { namesOf } from './variants.ts';

const RUNS = 20_000;
/** Generous: other programs may have most of the machine. */
const LIMIT_MS = 600_000;

/** What answers say about errors. */
const DESCRIPTIONS = [
  'sign the request as an IAM role (AWS Signature Version 4)',
  'the profile does not exist, or this caller may not use it',
  'the content type must be application/x-www-form-urlencoded',
  'the body is not UTF-8',
  'the body is not form-url-encoded UTF-8',
  'a parameter is sent more than once',
  'the body is larger than 100 kB',
  'the body is larger than 4 kB',
  'grant_type is missing',
  'token is missing',
  'subject_token is missing',
  'subject_token_type is missing',
  'client_id, if sent, must be the name of the profile',
  'scopes must be separated by single spaces',
  'this profile does not grant one of the scopes',
  'this profile does not allow an actor',
  'actor_token and actor_token_type must be sent together',
  'this profile does not introspect',
  'this profile does not revoke tokens',
  'this profile does not exchange tokens',
  'this profile does not exchange tokens of this subject_token_type',
  'this profile does not hand out tokens of this requested_token_type',
  "this profile only exchanges its callers' tokens",
  'the profile sets the audience; omit audience and resource',
  'this profile does not allow the audience, and resource is not supported',
  'the subject token, or the actor token, is not accepted',
  'the subject token lacks the requested scopes or audience',
  'the authorization server does not allow this actor to impersonate others',
  'the path does not contain a valid profile name',
];

describe(`${RUNS} generated events`, () => {
  let figures: Figures;
  beforeAll(async () => {
    figures = await runEvents({ runs: RUNS, seed: 1 });
  }, LIMIT_MS);

  test('none is uncaught, answered 5xx, or decided otherwise than the documents say', () => {
    expect(figures.counterexample).toBeUndefined();
    expect(figures.violations).toEqual(Object.fromEntries(VIOLATIONS.map((kind) => [kind, 0])));
    expect(figures.events).toBe(RUNS);
  });

  // What is never met would prove nothing.
  test.each<[heading: string, names: readonly string[], least: number]>([
    ['version', ['2.0', '1.0', 'REST'], 5_000],
    ['endpoint', ['token', 'introspect', 'revoke', 'metadata'], 1_500],
    ['status', ['200'], 6_000],
    ['status', ['400 invalid_request', '401 invalid_client', '403 unauthorized_client'], 2_000],
    [
      'status',
      ['400 unsupported_grant_type', '400 unsupported_token_type', '400 invalid_scope', '400 invalid_target'],
      50,
    ],
    ['status', ['400 invalid_grant'], 20],
    ['identity', namesOf(KINDS.identity), 40],
    ['path', namesOf(KINDS.path), 100],
    ['besides', namesOf(KINDS.extras), 300],
    ['form', namesOf(KINDS.form), 2_000],
    ['change', namesOf(CHANGES), 20],
    ['spelling', namesOf(KINDS.spelling), 80],
    ['envelope', namesOf(KINDS.envelope), 80],
    ['content type', namesOf(KINDS.contentType), 100],
    ['edits', ['0', '1', '2'], 800],
    ['description', DESCRIPTIONS, 3],
  ])('%s: each often enough (%#)', (heading, names, least) => {
    const counts = figures.tally.get(heading);
    expect(names.filter((name) => (counts?.get(name) ?? 0) < least)).toEqual([]);
  });
});
