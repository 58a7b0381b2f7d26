import { PROFILES } from './traffic.ts';

/** How long the services take to answer, in milliseconds. */
export const LATENCY_MS = { secrets: 15, table: 5, zitadel: 50 } as const;

/** What an hour of traffic has cost, and when each profile's tokens were obtained. */
export type Work = ReturnType<typeof noWork>;

/** The costs alone. */
export type Costs = Omit<Work, 'obtainedAtMs'>;

export const noWork = () => ({
  requests: 0,
  tokenRequests: 0,
  secretReads: 0,
  tableReads: 0,
  tableWrites: 0,
  /** Milliseconds of Lambda, each request rounded up. */
  lambdaMs: 0,
  /** In milliseconds from the beginning, by the numbers of the profiles. */
  obtainedAtMs: Array.from({ length: PROFILES }, (): number[] => []),
});

/** Counts one token request. */
export function countTokenRequest(work: Work, profile: number, atMs: number): void {
  work.tokenRequests += 1;
  work.obtainedAtMs[profile]?.push(atMs);
}

/**
 * List prices of us-east-1 in US dollars, as of November 2025: DynamoDB on demand (request units of 1 kB written, of
 * 4 kB read consistently; a sealed token is somewhat larger than 1 kB only where ZITADEL's own is), Secrets Manager,
 * Lambda on arm64. A KMS key of one's own, data transfer and the gateway are left out.
 */
const PRICES = {
  tableWrite: 0.625 / 1e6,
  tableRead: 0.125 / 1e6,
  secretRead: 0.05 / 1e4,
  lambdaRequest: 0.2 / 1e6,
  lambdaGbSecond: 0.0000133334,
} as const;

const MEMORY_GB = 1;

/** Dollars for a million requests. */
export function costPerMillion(work: Costs): number {
  const lambdaRequests = work.lambdaMs === 0 ? 0 : work.requests;
  const dollars =
    lambdaRequests * PRICES.lambdaRequest +
    (work.lambdaMs / 1000) * MEMORY_GB * PRICES.lambdaGbSecond +
    work.secretReads * PRICES.secretRead +
    work.tableReads * PRICES.tableRead +
    work.tableWrites * PRICES.tableWrite;
  return (dollars / work.requests) * 1e6;
}
