/** How many requests an API takes: `ratePerSecond` in the long run, `burst` at once. */
export interface ThrottleOptions {
  readonly ratePerSecond: number;
  readonly burst: number;
}

/**
 * Creates the token bucket of a stage of API Gateway, which all its callers share. `now` returns epoch milliseconds.
 * @returns whether the request that comes now is taken
 */
export function createThrottle({ ratePerSecond, burst }: ThrottleOptions, now: () => number): () => boolean {
  let tokens = burst;
  let filledAtMs = now();
  return () => {
    const nowMs = now();
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - filledAtMs) * ratePerSecond) / 1000);
    filledAtMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
