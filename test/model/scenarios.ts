import type { Row } from '../../lib/broker/table.ts';
import { plus, SECOND_MS } from '../../lib/core/time.ts';
import { BEGIN, type Member, type Scenario } from './lease-model.ts';

const after = (count: number) => plus(BEGIN, count * SECOND_MS);
const member: Member = { aheadMs: 0, credential: 'c1' };
const fresh: Row = { generation: 3, sealed: 's', credential: 'c1', refreshAt: after(60), expiresAt: after(80) };

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

/** Small worlds that between them need every clause, the smallest first. A token can be earned in each of them. */
export const SCENARIOS: readonly Scenario[] = [
  scenario('two processes and a new row', { attempts: 2, seconds: 1 }),
  scenario('three processes and a new row', { members: [member, member, member], seconds: 1 }),
  scenario('four processes and a new row', { members: [member, member, member, member], seconds: 0 }),
  scenario('a lease that ended long ago', {
    row: { generation: 3, owner: 'gone', leaseUntil: after(-2) },
    seconds: 2,
  }),
  scenario('a token that is due', { row: { ...fresh, refreshAt: BEGIN } }),
  scenario('a token that another credential sealed', { row: { ...fresh, credential: 'c0' } }),
  scenario('a token that is worthless', {
    row: fresh,
    members: [member, member].map((one) => ({ ...one, overruled: { sealed: 's' } })),
  }),
  scenario('a failure that is over', { row: { failedUntil: BEGIN, failure: 'unavailable', failures: 1 } }),
  scenario('a failure of another credential', {
    row: { failedUntil: after(60), failure: 'credential_refused', failures: 1, failedCredential: 'c0' },
    members: [member, member].map((one) => ({ ...one, overruled: { failedUntil: after(60) } })),
  }),
  scenario('an exchange that fails', { seconds: 5, budget: { failures: 1 } }),
  scenario('a row that is deleted under its holder', { seconds: 2, budget: { deletions: 1, freezes: 1 } }),
  scenario('a clock that is a second behind', { members: [member, { ...member, aheadMs: -1000 }], seconds: 7 }),
  scenario('a clock that is a second ahead', {
    members: [member, { ...member, aheadMs: 1000 }],
    seconds: 7,
    budget: { refusals: 1 },
  }),
  scenario('a holder that dies', { seconds: 7, budget: { crashes: 1 } }),
  scenario('a credential that is refused at first', { seconds: 7, budget: { refusals: 1 } }),
  scenario('a holder that freezes', { seconds: 7, budget: { freezes: 1 } }),
  scenario('writes that come late', { seconds: 7, budget: { delays: 2 } }),
  scenario('two credentials, and a write that comes again', {
    members: [member, { ...member, credential: 'c2' }],
    seconds: 7,
    tickMs: 1000,
    budget: { duplicates: 1, freezes: 1 },
    moreTokens: 2,
  }),
  scenario('writes that come again', { seconds: 7, budget: { duplicates: 2 } }),
  scenario('three processes, one of which dies', {
    members: [member, member, member],
    seconds: 7,
    tickMs: 1000,
    budget: { crashes: 1 },
  }),
];
