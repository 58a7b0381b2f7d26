import type { Row } from '../../../lib/broker/store/table.ts';
import { plus, SECOND_MS } from '../../../lib/core/time.ts';
import { BEGIN, type Member, type Scenario } from './lease-model.ts';

const after = (count: number) => plus(BEGIN, count * SECOND_MS);
const member: Member = { aheadMs: 0, credential: 'c1' };
/** Sealed is when it was obtained: it is fresh for 60 s, and lives for 80 s. */
const fresh: Row = { generation: 3, sealed: '-1000', credential: 'c1', expiresAt: after(79) };
const due: Row = { ...fresh, sealed: '-65000', expiresAt: after(15) };
const failure: Row = { generation: 3, failure: 'unavailable', failures: 1 };

const scenario = (name: string, changes: Partial<Scenario>): Scenario => ({
  name,
  members: [member, member],
  row: {},
  seconds: 1,
  tickMs: 500,
  attempts: 1,
  budget: {},
  ...changes,
});

/** Small worlds that between them need every clause, the smallest first. A token can be obtained in each of them. */
export const SCENARIOS: readonly Scenario[] = [
  scenario('two processes and a new row', { attempts: 3 }),
  scenario('three processes and a new row', { members: [member, member, member], attempts: 2 }),
  scenario('four processes and a new row', { members: [member, member, member, member], seconds: 0 }),
  scenario('a lease that ended long ago', {
    row: { generation: 3, owner: 'gone', leaseUntil: after(-2) },
    seconds: 2,
  }),
  scenario('a lease from far in the future', { row: { generation: 3, owner: 'gone', leaseUntil: after(86_400) } }),
  scenario('a token that is due', { row: due }),
  scenario('a token that another credential sealed', { row: { ...fresh, credential: 'c0' } }),
  scenario('a token that is worthless', {
    row: fresh,
    members: [member, member].map((one) => ({ ...one, rejected: '-1000' })),
  }),
  scenario('a failure that is over', { row: { ...failure, failedUntil: BEGIN } }),
  scenario('a failure of another credential', {
    row: { ...failure, failure: 'credential_refused', failedUntil: after(20), failedCredential: 'c0' },
  }),
  scenario('a failure from far in the future', { row: { ...failure, failedUntil: after(86_400) } }),
  scenario('a row that is malformed', { row: { ...due, generation: 1.5 }, isSpoilt: true, moreTokens: 1 }),
  scenario('a token request that fails', { seconds: 5, budget: { failures: 1 } }),
  scenario('a token request that fails by a clock that is ahead', {
    members: [member, { ...member, aheadMs: -1000 }],
    budget: { failures: 1 },
  }),
  scenario('a token that is due and doubted', { row: due, attempts: 2, seconds: 7, budget: { doubts: 2 } }),
  scenario('a row that is deleted under its holder', { seconds: 2, budget: { deletions: 1, freezes: 1 } }),
  scenario('a clock that is a second behind', { members: [member, { ...member, aheadMs: -1000 }], seconds: 7 }),
  scenario('a clock that is a second ahead', {
    members: [member, { ...member, aheadMs: 1000 }],
    seconds: 7,
    budget: { refusals: 1 },
  }),
  scenario('a holder that dies', { attempts: 2, seconds: 7, budget: { crashes: 1 } }),
  scenario('a credential that is refused at first', { seconds: 7, budget: { refusals: 1 } }),
  scenario('a holder that freezes', { attempts: 2, seconds: 7, budget: { freezes: 1 } }),
  scenario('a holder that freezes, and a token request that fails', {
    attempts: 2,
    seconds: 7,
    budget: { freezes: 1, failures: 1 },
  }),
  scenario('writes that come late', { attempts: 2, seconds: 7, budget: { delays: 2 } }),
  scenario('two credentials, and a write that comes again', {
    members: [member, { ...member, credential: 'c2' }],
    seconds: 7,
    tickMs: 1000,
    budget: { duplicates: 1, freezes: 1 },
    moreTokens: 2,
  }),
  scenario('writes that come again', { attempts: 2, seconds: 7, budget: { duplicates: 2 } }),
  scenario('three processes, one of which dies', {
    members: [member, member, member],
    seconds: 7,
    attempts: 2,
    tickMs: 1000,
    budget: { crashes: 1 },
  }),
];
