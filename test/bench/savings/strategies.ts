import { createTraffic, INSTANCES, type Load, PROFILES, type Request } from './traffic.ts';
import { countExchange, LATENCY_MS, noWork, type Work } from './work.ts';

/** As `ReuseTokenSource` of golang.org/x/oauth2 does: a token is used up 10 s before its end. */
const EARLY_MS = 10_000;
/** As the broker's: renewed after so much of its life. */
const REFRESH_SHARE = 0.75;

const TOKEN_REQUEST_MS = LATENCY_MS.zitadel;
/** From the look at the row until the new token is in it. */
const ROUND_MS = LATENCY_MS.table + LATENCY_MS.zitadel + LATENCY_MS.table;

type Ask = (request: Request, work: Work) => void;

/** Many keep tokens of their own. Callers of one holder wait for one exchange. */
function eachOnItsOwn(holder: (request: Request) => number, tokenLifeMs: number, isLambda: boolean): Ask {
  const goodUntil = new Map<number, number>();
  return (request, work) => {
    const { atMs, profile } = request;
    const key = holder(request) * PROFILES + profile;
    const until = goodUntil.get(key);
    if (until === undefined) work.secretReads += 1;
    const isHit = until !== undefined && atMs < until;
    if (isLambda) work.lambdaMs += isHit ? 1 : TOKEN_REQUEST_MS + (until === undefined ? LATENCY_MS.secrets : 0);
    if (isHit) return;
    countExchange(work, profile, atMs);
    goodUntil.set(key, atMs + tokenLifeMs - EARLY_MS);
  };
}

/** One row for each profile, and a memory in each sandbox; whoever finds the row due obtains a token. */
function tableWithoutLease(tokenLifeMs: number): Ask {
  const rows = new Map<number, { readonly from: number; readonly due: number }[]>();
  const memories = new Map<number, number>();
  return ({ atMs, profile, sandbox }, work) => {
    const key = sandbox * PROFILES + profile;
    const known = memories.get(key);
    if (known !== undefined && atMs < known) {
      work.lambdaMs += 1;
      return;
    }
    if (known === undefined) work.secretReads += 1;
    work.tableReads += 1;
    const written = rows.get(profile) ?? [];
    const due = written.filter(({ from }) => from <= atMs).at(-1)?.due ?? 0;
    if (atMs < due) {
      memories.set(key, due);
      work.lambdaMs += LATENCY_MS.table;
      return;
    }
    countExchange(work, profile, atMs);
    work.tableWrites += 1;
    work.lambdaMs += ROUND_MS;
    const mine = { from: atMs + ROUND_MS, due: atMs + REFRESH_SHARE * tokenLifeMs };
    rows.set(profile, [...written.slice(-INSTANCES), mine]);
    memories.set(key, mine.due);
  };
}

/** The other ways to keep tokens, as small models on the same traffic, at their best: no fault, no lost write. */
export const STRATEGIES: Readonly<Record<string, (tokenLifeMs: number) => Ask>> = {
  'every service on its own': (lifeMs) => eachOnItsOwn(({ instance }) => instance, lifeMs, false),
  'memory only': (lifeMs) => eachOnItsOwn(({ sandbox }) => sandbox, lifeMs, true),
  'table without lease': tableWithoutLease,
};

/** The work of one of them. */
export function measureStrategy(strategy: (tokenLifeMs: number) => Ask, load: Load, tokenLifeS: number): Work {
  const work = noWork(PROFILES);
  const ask = strategy(tokenLifeS * 1000);
  for (const request of createTraffic(load)) {
    work.requests += 1;
    ask(request, work);
  }
  return work;
}

/**
 * The least number of exchanges that this traffic takes when a token is renewed after that share of its life: one for
 * each key, and one more for each such time that is over when somebody asks.
 */
export function leastExchanges(load: Load, tokenLifeS: number, refreshShare: number): number {
  const due = new Float64Array(PROFILES);
  let least = 0;
  for (const { atMs, profile } of createTraffic(load)) {
    if (atMs < (due[profile] ?? 0)) continue;
    least += 1;
    due[profile] = atMs + refreshShare * tokenLifeS * 1000;
  }
  return least;
}
