import type { IncomingHttpHeaders } from 'node:http';
import { TOKEN } from './form.ts';
import { type Reply, text } from './http.ts';

/** The origin that a request addresses, according to its headers. */
export interface Origin {
  readonly instanceHost: string;
  readonly publicHost: string;
  readonly protocol: string;
}

const HOST = /^(?:[^:[\]]+|\[[^\]]*\])(?::\d{1,5})?$/;
const PAIR = new RegExp(`^\\s*(${TOKEN})\\s*=\\s*(?:(${TOKEN})|"([^"]*)")\\s*$`);

interface Hop {
  readonly host?: string;
  readonly proto?: string;
}

/** The first value of each parameter of a Forwarded header (RFC 7239 §4); none if a parameter is malformed. */
function parseForwarded(value: string): Hop {
  const pairs = value.split(/[,;]/).map((pair) => PAIR.exec(pair));
  if (pairs.includes(null)) return {};
  return Object.fromEntries(pairs.map((pair) => [pair?.[1]?.toLowerCase(), pair?.[2] ?? pair?.[3]]).reverse());
}

/** The headers with the origin of a request, in order of precedence. */
const HOPS: readonly (readonly [name: string, read: (value: string) => Hop])[] = [
  ['x-zitadel-instance-host', (host) => ({ host })],
  ['forwarded', parseForwarded],
  ['x-zitadel-forwarded', parseForwarded],
  ['x-forwarded-host', (host) => ({ host })],
  ['x-forwarded-proto', (proto) => ({ proto })],
];

/** Reads the origin of a request: a proxy's headers take precedence over the Host header. */
export function originOf(headers: IncomingHttpHeaders): Origin {
  const hops = HOPS.map(([name, read]) => read(String(headers[name] ?? '')));
  const publicHost = String(headers['x-zitadel-public-host'] ?? '');
  return {
    instanceHost: hops.find(({ host = '' }) => HOST.test(host))?.host ?? headers.host ?? '',
    publicHost: HOST.test(publicHost) ? publicHost : '',
    protocol: hops.find(({ proto }) => proto === 'http' || proto === 'https')?.proto ?? 'http',
  };
}

/** The issuer follows the origin. */
export const issuerOf = ({ instanceHost, publicHost, protocol }: Origin): string =>
  `${protocol}://${publicHost || instanceHost}`;

/** The answer of every endpoint if no instance is found for the origin, or none can be read. */
export const cannotSetInstance = (origin: Origin, reason: string, status: number): Reply => {
  const { instanceHost, publicHost, protocol } = origin;
  const said = `&{${instanceHost} ${publicHost} ${protocol}} (ExternalDomain is localhost)`;
  return text(`unable to set instance using origin ${said}: ${reason}\n`, status);
};

const NOT_FOUND =
  'Message=Instance not found. Make sure you got the domain right. ' +
  'Check out https://zitadel.com/docs/apis/introduction#domains';

const domainOf = (host: string): string => host.replace(/:\d+$/, '');

/** The answer to an origin without an instance. The hosts of `isKnown` are accepted on any port. */
export function unknownOrigin(origin: Origin, isKnown: (host: string, domain: string) => boolean): Reply | undefined {
  const { instanceHost, publicHost } = origin;
  if (instanceHost === '') return cannotSetInstance(origin, `ID=INST-zWq7X ${NOT_FOUND}`, 404);
  const domain = domainOf(instanceHost);
  if (!isKnown(instanceHost, domain)) return cannotSetInstance(origin, `ID=QUERY-1kIjX ${NOT_FOUND}`, 404);
  if (publicHost === '' || domainOf(publicHost) === domain) return undefined;
  const parent = `(public domain ${JSON.stringify(domainOf(publicHost))} not trusted)`;
  return cannotSetInstance(origin, `ID=QUERY-IuGh1 ${NOT_FOUND} Parent=${parent}`, 404);
}
