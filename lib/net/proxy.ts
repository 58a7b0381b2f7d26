import { isIPv4 } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxies of a process, as Node's agents take them (`proxyEnv`). */
export interface ProxyEnvironment extends NodeJS.Dict<string> {
  readonly HTTPS_PROXY?: string;
  readonly HTTP_PROXY?: string;
  readonly NO_PROXY: string;
}

/** Hosts that no proxy can reach: this machine, and the services of AWS that are on it (in fd00:ec2::/32). */
const NEVER_PROXIED = [
  '.localhost',
  '127.0.0.0-127.255.255.255',
  '::1',
  '169.254.0.0-169.254.255.255',
  'fd00:ec2::23',
  'fd00:ec2::123',
  'fd00:ec2::253',
  'fd00:ec2::254',
];

/** The URL in a proxy variable; as curl does, one without a scheme is `http:`. */
function readProxy(env: Environment, name: 'HTTPS_PROXY' | 'HTTP_PROXY'): string | undefined {
  // Lower case comes first, as in Node and curl.
  const value = (env[name.toLowerCase()] || env[name] || '').trim();
  if (value === '') return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const isUrl = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  // The value may contain a password.
  if (!isUrl) throw new Error(`${name} must be a URL such as http://proxy.example.com:3128 (http or https)`);
  return text;
}

/** The addresses from a.b.c.d/n, in Node's notation. */
function range(address: string, bits: number): string {
  const size = 2 ** (32 - bits);
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = value - (value % size);
  const dotted = (number: number) => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
  return `${dotted(first)}-${dotted(first + size - 1)}`;
}

/** An entry of NO_PROXY in Node's notation, which has no a.b.c.d/n and where a name does not cover its subdomains. */
function bypass(entry: string): string {
  const name = entry.toLowerCase().replace(/\.$/, '');
  const [address = '', bits] = name.split('/');
  if (isIPv4(address) && /^(?:[12]?\d|3[0-2])$/.test(bits ?? '')) return range(address, Number(bits));
  if (name.startsWith('[')) return name.replace(/^\[(.*)\]/, '$1');
  const isName = /^\w[\w.-]*$/.test(name) && !/^[\d.-]+$/.test(name);
  return isName ? `.${name}` : name;
}

/**
 * The proxies that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, in upper or lower case, read as curl reads them;
 * `undefined` if there are none.
 * @throws {Error} if a proxy is not a URL: then no request would take the way that was meant
 */
export function readProxies(env: Environment): ProxyEnvironment | undefined {
  const [https, http] = [readProxy(env, 'HTTPS_PROXY'), readProxy(env, 'HTTP_PROXY')];
  if (https === undefined && http === undefined) return undefined;
  const named = (env.no_proxy || env.NO_PROXY || '').split(/[\s,]+/).filter((entry) => entry !== '');
  return {
    ...(https === undefined ? {} : { HTTPS_PROXY: https }),
    ...(http === undefined ? {} : { HTTP_PROXY: http }),
    NO_PROXY: [...named.map(bypass), ...NEVER_PROXIED].join(','),
  };
}
