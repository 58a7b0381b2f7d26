import { describe, expect, test } from 'vitest';
import { SECRETS } from '../../support/fleet.ts';
import { shrink } from '../runner/history.ts';
import { type Played, PROMISES } from './answer-rules.ts';
import { judge } from './judge.ts';
import { assemble, type Plan, USUAL } from './plan.ts';
import { createStage, type Stage } from './stage.ts';
import { createPlay, EVENTS } from './world.ts';

const SECRET = String(JSON.parse(SECRETS.orders).clientSecret);
/** Changes what came of an event, before it is judged. */
type Spoil = (played: Played, endpoint: string) => Played;

/** A stage whose results are spoilt. */
function spoiltStage(spoil: Spoil): Stage {
  const stage = createStage();
  return { ...stage, play: async (endpoint, event) => spoil(await stage.play(endpoint, event), endpoint) };
}

/** What the judge finds in one event that differs from the usual one. */
async function findingsOf(changes: Partial<Plan>, spoil: Spoil = (played) => played): Promise<readonly string[]> {
  const plan = { ...USUAL, ...changes };
  const { breaches } = await judge(plan, assemble(plan), spoiltStage(spoil));
  return breaches.map(([promise, what]) => `${promise}: ${what}`);
}

const answered =
  (change: (answer: Played['answer']) => Partial<Played['answer']>): Spoil =>
  (played) => ({ ...played, answer: { ...played.answer, ...change(played.answer) } });
const withStatus = (statusCode: number) => answered(() => ({ statusCode }));
const served = (body: object) => answered(() => ({ statusCode: 200, body: JSON.stringify(body) }));
const headed = (added: Readonly<Record<string, unknown>>) =>
  answered(({ headers }) => ({ headers: { ...headers, ...(added as Record<string, string>) } }));
const rewritten = (from: string | RegExp, to: string) => answered(({ body }) => ({ body: body.replace(from, to) }));
const logged =
  (change: (line: string) => readonly string[]): Spoil =>
  (played) => ({ ...played, lines: played.lines.flatMap(change) });
const relogged = (from: string, to: string) => logged((line) => [line.replace(from, to)]);
const throwing = () => {
  throw new TypeError('x');
};

describe('the judge', () => {
  const stranger: Partial<Plan> = { identity: ['another role', 0] };

  test.each<Partial<Plan>>([
    {},
    stranger,
    { endpoint: 'metadata' },
    { endpoint: 'revoke', profile: 'revocable', form: ['reference', 0] },
  ])('finds nothing where all is well: %j', async (changes) => expect(await findingsOf(changes)).toEqual([]));

  test.each<[what: string, changes: Partial<Plan>, spoil: Spoil, found: RegExp]>([
    ['an exception', {}, throwing, /^no request crashes.*: TypeError: x/],
    ['a 500', stranger, withStatus(500), /^no request crashes.*: 500/],
    ['a stranger who is let in', stranger, served({ access_token: 'x' }), /^each decision .*: 200, but should be 403/],
    ['a stranger of a kind that is never let in', stranger, served({}), /^each answer .*: another role gets 200/],
    ['a caller who is not let in', {}, withStatus(403), /^each decision .*: 403.*, but should be 200/],
    ['another error code', stranger, rewritten('unauthorized_client', 'access_denied'), /^each decision/],
    ['a body that is no JSON', {}, rewritten('{', ''), /body is not a JSON object/],
    ['a header that is no text', {}, headed({ age: 7 }), /a header is no text/],
    ['an answer for caches', {}, headed({ 'cache-control': 'public' }), /may be cached/],
    ['no line of log', {}, logged(() => []), /0 lines of log/],
    ['two lines', {}, logged((line) => [line, line]), /2 lines of log/],
    ['a line that is no JSON', {}, relogged('{', ''), /no JSON object/],
    ['a line about another answer', {}, relogged('200', '201'), /the log tells of another answer/],
    ['a line about another caller', {}, relogged('123456789012:', '210987654321:'), /the log names the caller/],
    ['a line about another profile', {}, relogged('"orders"', '"foreign"'), /the log names the profile/],
    ['an error without its id', stranger, rewritten(/"request_id":"[^"]*"/, '"request_id":""'), /request_id/],
    ['an error with more in it', stranger, rewritten('{', '{"stack":"x",'), /other members/],
    ['a refusal that tells more', stranger, rewritten('does not exist, or this', 'exists, but this'), /tells more/],
    ['a token of nobody', {}, rewritten('"access_token":"', '"access_token":"x'), /a token of undefined/],
    ['a token for an audience of its own', {}, rewritten('"scope":"', '"scope":"openid '), /scope outside the profile/],
    ['a secret in the log', {}, relogged('{', `{"x":"${SECRET}",`), /leaks: clientSecret of orders/],
    ['a secret in a header', stranger, headed({ x: btoa(SECRET) }), /leaks: clientSecret of orders/],
    ['metadata of elsewhere', { endpoint: 'metadata' }, rewritten(/a1b2c3d4e5/g, 'evil'), /the issuer is elsewhere/],
  ])('finds %s', async (_what, changes, spoil, found) => {
    expect(await findingsOf(changes, spoil)).toContainEqual(expect.stringMatching(found));
  });

  test('an event that breaks something is shrunk to what does', async () => {
    const spoilt = spoiltStage((played, endpoint) =>
      endpoint === 'revoke' ? withStatus(500)(played, endpoint) : played,
    );
    const world = { ...EVENTS, play: createPlay(() => spoilt) };
    const seeds = Array.from({ length: 50 }, (_, number) => `shrunk-${number}`);
    const [plan] = seeds
      .map(EVENTS.createPlan)
      .filter(({ endpoint, items }) => endpoint === 'revoke' && items.length > 9);
    if (plan === undefined) throw new Error('no seed makes such an event');
    expect((await shrink(world, plan, PROMISES[0])).plan).toEqual({ ...plan, items: [] });
  });
});
