import { createTraffic, INSTANCES, type Load, PROFILES, type Request } from './traffic.ts';
import { countTokenRequest, LATENCY_MS, noWork, type Work } from './work.ts';

/** As `ReuseTokenSource` of golang.org/x/oauth2 does: a token is used up 10 s before its end. */
const EARLY_MS = 10_000;
/** As the broker's: renewed after so much of its life. */
const REFRESH_SHARE = 0.75;

/** From the look at the row until the new token is in it. */
const ROUND_MS = LATENCY_MS.table + LATENCY_MS.zitadel + LATENCY_MS.table;

/** Adds what one request costs. */
type Ask = (request: Request, work: Work) => void;

/** Each holder keeps tokens of its own for so long. Callers of one holder wait for one token request. */
function eachOnItsOwn(holder: (request: Request) => number, goodForMs: number, isLambda: boolean): Ask {
  const goodUntil = new Map<number, number>();
  return (request, work) => {
    const { atMs, profile } = request;
    const key = holder(request) * PROFILES + profile;
    const until = goodUntil.get(key);
    if (until === undefined) work.secretReads += 1;
    const isHit = until !== undefined && atMs < until;
    const missMs = LATENCY_MS.zitadel + (until === undefined ? LATENCY_MS.secrets : 0);
    if (isLambda) work.lambdaMs += isHit ? 1 : missMs;
    if (isHit) return;
    countTokenRequest(work, profile, atMs);
    goodUntil.set(key, atMs + goodForMs);
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
    let due = written.filter(({ from }) => from <= atMs).at(-1)?.due ?? 0;
    let tookMs: number = LATENCY_MS.table;
    if (atMs >= due) {
      countTokenRequest(work, profile, atMs);
      work.tableWrites += 1;
      tookMs = ROUND_MS;
      due = atMs + REFRESH_SHARE * tokenLifeMs;
      rows.set(profile, [...written.slice(-INSTANCES), { from: atMs + ROUND_MS, due }]);
    }
    work.lambdaMs += tookMs;
    memories.set(key, due);
  };
}

/** The other ways to keep tokens, as small models on the same traffic, at their best: no fault, no lost write. */
export const STRATEGIES: Readonly<Record<string, (tokenLifeMs: number) => Ask>> = {
  'every service on its own': (lifeMs) => eachOnItsOwn(({ instance }) => instance, lifeMs - EARLY_MS, false),
  'memory only': (lifeMs) => eachOnItsOwn(({ sandbox }) => sandbox, lifeMs - EARLY_MS, true),
  'table without lease': tableWithoutLease,
};

/** The work of one of them. */
export function measureStrategy(ask: Ask, load: Load): Work {
  const work = noWork();
  for (const request of createTraffic(load)) {
    work.requests += 1;
    ask(request, work);
  }
  return work;
}

/**
 * The least number of token requests for this traffic if a token is renewed after so many milliseconds: one for each
 * profile, and one more whenever that time is over and somebody asks.
 */
export const leastTokenRequests = (load: Load, renewedAfterMs: number): number =>
  measureStrategy(
    eachOnItsOwn(() => 0, renewedAfterMs, false),
    load,
  ).tokenRequests;
