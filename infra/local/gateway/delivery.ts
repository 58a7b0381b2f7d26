import { randomBytes } from 'node:crypto';
import { soleHeader, type WireRequest } from './request.ts';
import type { RouteMatch } from './route.ts';
import type { Principal } from './sigv4.ts';

/** The description of the API in its events. */
export interface Api {
  readonly apiId: string;
  readonly accountId: string;
  readonly region: string;
  readonly stage: string;
  /** The base path mapping of the custom domain, without slashes. */
  readonly basePath: string | undefined;
  /** What callers speak. At AWS it is always https. */
  readonly scheme: 'https' | 'http';
}

/** An authorized request, with everything that its event needs. `receivedAtMs` is epoch milliseconds. */
export interface Delivery extends RouteMatch {
  readonly api: Api;
  readonly request: WireRequest;
  /** The caller; absent if the route is public. */
  readonly principal: Principal | undefined;
  readonly requestId: string;
  readonly receivedAtMs: number;
}

/** The first path segment, which API Gateway itself uses: the base path of a custom domain, or a named stage. */
export function mountOf({ basePath, stage }: Pick<Api, 'basePath' | 'stage'>): string {
  if (basePath !== undefined) return `/${basePath}`;
  return stage === '$default' ? '' : `/${stage}`;
}

/** What IAM policies call a request. `path` is below the mount, and decoded. */
export const resourceOf = (method: string, path: string): string => `${method}${path}`;

/** The ARN of a resource of the API. */
export const resourceArn = ({ apiId, accountId, region, stage }: Api, resource: string): string =>
  `arn:aws:execute-api:${region}:${accountId}:${apiId}/${stage}/${resource}`;

/** The account in an ARN. */
export function accountOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}

/** `12/Mar/2026:19:03:58 +0000` */
export function requestTime(instantMs: number): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(instantMs).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}

/** The host that the caller used, without the port, which the real service does not have. */
export function domainName({ request }: Pick<Delivery, 'request'>): string {
  return (soleHeader(request, 'host') ?? '').replace(/:\d+$/, '');
}

/** The headers that API Gateway removes: those of the connection, not of the request (RFC 9110 §7.6.1). */
const CONNECTION_HEADERS = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/** The caller's headers and those that API Gateway adds, in their original spelling, including duplicates. */
export function forwardedHeaders({ api, request, receivedAtMs }: Delivery): readonly (readonly [string, string])[] {
  const added = ['x-forwarded-for', 'x-forwarded-port', 'x-forwarded-proto', 'x-amzn-trace-id'];
  const own = request.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !CONNECTION_HEADERS.has(lower) && !added.includes(lower);
  });
  const forwardedFor = soleHeader(request, 'x-forwarded-for');
  const receivedAt = Math.floor(receivedAtMs / 1000).toString(16);
  return [
    ...own,
    ['X-Amzn-Trace-Id', `Root=1-${receivedAt}-${randomBytes(12).toString('hex')}`],
    ['X-Forwarded-For', forwardedFor === undefined ? request.sourceIp : `${forwardedFor}, ${request.sourceIp}`],
    ['X-Forwarded-Port', api.scheme === 'https' ? '443' : '80'],
    ['X-Forwarded-Proto', api.scheme],
  ];
}

/** Maps each name to all its values, in the order of first appearance. `key` normalises the name. */
export function grouped(
  pairs: readonly (readonly [name: string, value: string])[],
  key: (name: string) => string = (name) => name,
): Readonly<Record<string, string[]>> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of pairs) groups.set(key(name), [...(groups.get(key(name)) ?? []), value]);
  return Object.fromEntries(groups);
}

/** The same record with every value mapped. */
export function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
