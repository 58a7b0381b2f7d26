/** A value whose reads lag behind its writes, like ZITADEL's projections. */
export interface Lagging<T> {
  readonly write: (value: T, nowMs: number) => void;
  /** What a command sees: the last write. */
  readonly latest: () => T;
  /** What a query sees: for `lagMs` after a write, the previous value. */
  readonly read: (nowMs: number, lagMs: number) => T;
}

export function createLagging<T>(first: T): Lagging<T> {
  const replaced: { readonly value: T; readonly untilMs: number }[] = [];
  let latest = first;
  return {
    write(value, nowMs) {
      replaced.push({ value: latest, untilMs: nowMs });
      latest = value;
    },
    latest: () => latest,
    read(nowMs, lagMs) {
      const seen = lagMs > 0 ? replaced.find(({ untilMs }) => nowMs < untilMs + lagMs) : undefined;
      return seen === undefined ? latest : seen.value;
    },
  };
}
