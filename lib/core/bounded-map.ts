/** A map that evicts the least recently used entries once it exceeds its bounds. */
export interface BoundedMap<K, V> {
  readonly get: (key: K) => V | undefined;
  readonly set: (key: K, value: V) => void;
  readonly size: () => number;
}

/** The most that a map holds: a number of entries and, as estimated by `sizeOf`, a number of bytes. */
export interface Bounds<V> {
  readonly entries: number;
  readonly bytes?: number;
  readonly sizeOf?: (value: V) => number;
}

/** Creates an empty bounded map. The insertion order of its `Map` is the order of use: a hit moves its entry last. */
export function createBoundedMap<K, V>({
  entries: most,
  bytes = Number.POSITIVE_INFINITY,
  sizeOf = () => 0,
}: Bounds<V>): BoundedMap<K, V> {
  const entries = new Map<K, V>();
  let held = 0;
  let newest: K | undefined;
  const forget = (key: K): void => {
    const value = entries.get(key);
    if (value === undefined) return;
    held -= sizeOf(value);
    entries.delete(key);
  };
  return {
    get: (key) => {
      const value = entries.get(key);
      if (value === undefined || key === newest) return value;
      entries.delete(key);
      entries.set(key, value);
      newest = key;
      return value;
    },
    set: (key, value) => {
      forget(key);
      entries.set(key, value);
      newest = key;
      held += sizeOf(value);
      for (const oldest of entries.keys()) {
        if (entries.size <= most && held <= bytes) return;
        forget(oldest);
      }
    },
    size: () => entries.size,
  };
}
