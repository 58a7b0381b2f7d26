/** Times on ZITADEL's wire: RFC 3339 to the microsecond, here epoch milliseconds with a fraction. */

const TIMESTAMP = /^(\d{4}-\d\d-\d\dT)(?:[01]\d|2[0-3]):\d\d:\d\d(?:[.,](\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/;
const FRACTION = /[.,]\d+/;
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');
const MICROSECONDS = 6;

/** Reads a time; what is finer than microseconds is cut off. */
export function parseTimestamp(text: string): number | 'invalid' | 'out of range' {
  const [, day, fraction = ''] = TIMESTAMP.exec(text) ?? [];
  const wholeMs = Date.parse(text.replace(FRACTION, ''));
  // JavaScript takes 30 February for 2 March.
  const isDay = day !== undefined && new Date(`${day}00:00:00Z`).toJSON()?.startsWith(day) === true;
  if (!isDay || Number.isNaN(wholeMs)) return 'invalid';
  if (wholeMs < FIRST_MS || wholeMs > LAST_MS) return 'out of range';
  return wholeMs + Number(fraction.slice(0, MICROSECONDS).padEnd(MICROSECONDS, '0')) / 1000;
}

/** Writes a time with no, three or six digits of fraction, as many as it needs. */
export function formatTimestamp(ms: number): string {
  const wholeMs = Math.floor(ms);
  const micros = Math.round((ms - wholeMs) * 1000);
  const text = new Date(wholeMs).toISOString();
  return micros > 0 ? text.replace('Z', `${String(micros).padStart(3, '0')}Z`) : text.replace('.000Z', 'Z');
}
