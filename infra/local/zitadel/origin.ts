import type { IncomingHttpHeaders } from 'node:http';
import { TOKEN } from './form.ts';
import { type Reply, text } from './http.ts';

/** Where a request came to, as its headers tell it. */
export interface Origin {
  readonly instanceHost: string;
  readonly publicHost: string;
  readonly protocol: string;
}

// In the order in which they count.
const INSTANCE_HEADERS = [
  'x-zitadel-instance-host',
  'forwarded',
  'x-zitadel-forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
];
const PUBLIC_HEADERS = ['x-zitadel-public-host'];
const FORWARDED = new Set(['forwarded', 'x-zitadel-forwarded', 'x-forwarded-for']);

const HOST = /^(?:[^:[\]]+|\[[^\]]*\])(?::\d{1,5})?$/;
const PAIR = new RegExp(`^\\s*(${TOKEN})\\s*=\\s*(?:(${TOKEN})|"([^"]*)")\\s*$`);

type Hop = Readonly<Partial<Record<string, string>>>;

/** The first value of each parameter of a Forwarded header (RFC 7239 §4); none when a parameter is malformed. */
function parseForwarded(value: string): Hop {
  const pairs = value.split(/[,;]/).map((pair) => PAIR.exec(pair));
  if (pairs.includes(null)) return {};
  const entries = pairs.map((pair) => [pair?.[1]?.toLowerCase(), pair?.[2] ?? pair?.[3]] as const);
  return Object.fromEntries(entries.reverse());
}

function readHeader(name: string, value: string): Hop {
  if (FORWARDED.has(name)) return parseForwarded(value);
  return name === 'x-forwarded-proto' ? { proto: value } : { host: value };
}

function hop(headers: IncomingHttpHeaders, names: readonly string[]): Hop {
  const hops = names.map((name) => readHeader(name, String(headers[name] ?? '')));
  const host = hops.map((found) => found.host ?? '').find((found) => HOST.test(found));
  const proto = hops.map((found) => found.proto ?? '').find((found) => found === 'http' || found === 'https');
  return { ...(host === undefined ? {} : { host }), ...(proto === undefined ? {} : { proto }) };
}

/** Reads where a request came to: what a proxy says goes before the Host header. */
export function originOf(headers: IncomingHttpHeaders): Origin {
  const instance = hop(headers, INSTANCE_HEADERS);
  const { host: publicHost = '' } = hop(headers, PUBLIC_HEADERS);
  return { instanceHost: instance.host ?? headers.host ?? '', publicHost, protocol: instance.proto ?? 'http' };
}

/** The issuer follows the origin. */
export const issuerOf = ({ instanceHost, publicHost, protocol }: Origin): string =>
  `${protocol}://${publicHost || instanceHost}`;

/** What every endpoint answers when no instance can be found for the origin, or none can be read. */
export const cannotSetInstance = (origin: Origin, reason: string, status: number): Reply => {
  const { instanceHost, publicHost, protocol } = origin;
  const said = `&{${instanceHost} ${publicHost} ${protocol}} (ExternalDomain is localhost)`;
  return text(`unable to set instance using origin ${said}: ${reason}\n`, status);
};

const NOT_FOUND =
  'Message=Instance not found. Make sure you got the domain right. ' +
  'Check out https://zitadel.com/docs/apis/introduction#domains';

const domainOf = (host: string): string => host.replace(/:\d+$/, '');

/** What an origin gets that no instance answers to; it answers on any port to the hosts that `isKnown` knows. */
export function unknownOrigin(origin: Origin, isKnown: (host: string, domain: string) => boolean): Reply | undefined {
  const { instanceHost, publicHost } = origin;
  if (instanceHost === '') return cannotSetInstance(origin, `ID=INST-zWq7X ${NOT_FOUND}`, 404);
  const domain = domainOf(instanceHost);
  if (!isKnown(instanceHost, domain)) return cannotSetInstance(origin, `ID=QUERY-1kIjX ${NOT_FOUND}`, 404);
  if (publicHost === '' || domainOf(publicHost) === domain) return undefined;
  const parent = `(public domain ${JSON.stringify(domainOf(publicHost))} not trusted)`;
  return cannotSetInstance(origin, `ID=QUERY-IuGh1 ${NOT_FOUND} Parent=${parent}`, 404);
}
