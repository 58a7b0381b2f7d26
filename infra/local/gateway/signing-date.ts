import { headerValues, soleHeader, type WireRequest } from './request.ts';

/** How far a signature's date may be from the gateway's clock, in either direction. */
const MAX_SKEW_MS = 5 * 60_000;

/** An instant as SigV4 writes it: `20260203T040506Z`. */
export function amzDate(instantMs: number): string {
  return new Date(instantMs).toISOString().replace(/\.\d{3}|[-:]/g, '');
}

/** When a request was signed, in epoch milliseconds: `x-amz-date`, else `date`. */
export function signedAtMs(request: WireRequest): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(soleHeader(request, 'x-amz-date') ?? '') ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  const hasAmzDate = headerValues(request, 'x-amz-date').length > 0;
  const instantMs = Date.parse(hasAmzDate ? iso : (soleHeader(request, 'date') ?? ''));
  return Number.isNaN(instantMs) ? undefined : instantMs;
}

/** Why a signature of that instant is not accepted now; `undefined` if it is. */
export function skewFault(instantMs: number, nowMs: number): string | undefined {
  const [signed, now] = [amzDate(instantMs), amzDate(nowMs)];
  const minutes = `${MAX_SKEW_MS / 60_000} min.`;
  const earliestMs = nowMs - MAX_SKEW_MS;
  const latestMs = nowMs + MAX_SKEW_MS;
  if (instantMs < earliestMs) {
    return `Signature expired: ${signed} is now earlier than ${amzDate(earliestMs)} (${now} - ${minutes})`;
  }
  if (instantMs > latestMs) {
    return `Signature not yet current: ${signed} is still later than ${amzDate(latestMs)} (${now} + ${minutes})`;
  }
  return undefined;
}
