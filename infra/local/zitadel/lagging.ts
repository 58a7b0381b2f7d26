/** A value whose readers lag behind its writers, as the projections of ZITADEL do. */
export interface Lagging<T> {
  readonly write: (value: T, nowMs: number) => void;
  /** What a command sees: the last write. */
  readonly latest: () => T;
  /** What a query sees: for `lagMs` after a write it is still what was there before. */
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
