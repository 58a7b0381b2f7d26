/** ZITADEL's ids are Sonyflakes of this epoch: 10 ms of time, 8 bits of sequence, 16 bits of machine. */
const EPOCH_MS = Date.UTC(2019, 3, 29);
const TICK_MS = 10;
const TIME_SHIFT = 24n;
const NEXT = 1n << 16n;
const MACHINE = 3110n;

/** The creation time in an id, in epoch milliseconds; the epoch if the id is not a number. */
export function createdMs(id: string): number {
  return EPOCH_MS + (/^\d{1,19}$/.test(id) ? Number(BigInt(id) >> TIME_SHIFT) * TICK_MS : 0);
}

/** Creates unique, increasing ids for things created at `nowMs`. */
export function createIds(): (nowMs: number) => string {
  let last = 0n;
  return (nowMs) => {
    const tick = BigInt(Math.max(0, Math.floor((nowMs - EPOCH_MS) / TICK_MS)));
    const first = (tick << TIME_SHIFT) | MACHINE;
    last = first > last ? first : last + NEXT;
    return String(last);
  };
}
