import type { IncomingHttpHeaders } from 'node:http';
import type { GatewayAnswer } from '../../lib/http/answer.ts';
import { refuse } from './answer.ts';

/** Headers that proxies and browsers add: whoever sends them passes on the request of somebody else. */
const FOREIGN = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via', 'origin'] as const;

/**
 * Refuses requests that do not come from a program on this machine itself. The name of a website can be made to resolve to
 * 127.0.0.1 (DNS rebinding), any page in a browser can send requests here, and so can a service that forwards them.
 */
export function refuseForeign(headers: IncomingHttpHeaders, port: number): GatewayAnswer | undefined {
  const { host = '' } = headers;
  const [, named] = /^(?:localhost|127\.0\.0\.1):(\d+)$/i.exec(host) ?? [];
  if (Number(named) !== port)
    return refuse(403, 'invalid_request', `the header Host must be 127.0.0.1:${port} or localhost:${port}`);
  const foreign = FOREIGN.find((name) => headers[name] !== undefined);
  if (foreign === undefined) return undefined;
  return refuse(403, 'invalid_request', `requests with the header ${foreign} are refused: call the proxy directly`);
}
