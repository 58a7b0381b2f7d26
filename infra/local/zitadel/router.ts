import { cors } from './cors.ts';
import { discovery } from './discovery.ts';
import { parseForm } from './form.ts';
import { authorizeDevice, token } from './grants.ts';
import { bare, json, type RawRequest, type Reply, type Request, refuse, text } from './http.ts';
import type { Instance } from './instance.ts';
import { manage } from './management.ts';
import { introspect, revoke, userinfo } from './sessions.ts';

type Handler = (instance: Instance, request: Request) => Reply | Promise<Reply>;

// As Go's http.Error has it.
const NO_SNIFF = { 'x-content-type-options': 'nosniff' };
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };
const KEYS_MAY_BE_CACHED = { 'cache-control': 'max-age=300, must-revalidate' };

/** The endpoints of OAuth and OpenID Connect, which take any method. */
const ENDPOINTS: Readonly<Record<string, Handler>> = {
  '/oauth/v2/token': token,
  '/oauth/v2/introspect': introspect,
  '/oauth/v2/revoke': revoke,
  '/oauth/v2/device_authorization': authorizeDevice,
  '/oauth/v2/authorize': (_, { form }) =>
    refuse(
      'invalid_request',
      `auth request is missing ${form.last('client_id') === '' ? 'client_id' : 'redirect_uri'}`,
    ),
  '/oauth/v2/keys': async ({ signer }) => ({ ...json(await signer.keySet()), headers: KEYS_MAY_BE_CACHED }),
  '/.well-known/openid-configuration': (_, { issuer }) => json(discovery(issuer)),
  '/oidc/v1/userinfo': userinfo,
  '/oidc/v1/end_session': () => bare(302, { ...NO_STORE, location: '/ui/login/logout/done' }),
};

const ENDPOINT_PREFIXES = ['/oauth/v2', '/oidc/v1', '/.well-known/openid-configuration'];
const ENDPOINT_METHODS = new Set(['GET', 'HEAD', 'POST']);
const API_METHODS = new Set([...ENDPOINT_METHODS, 'PUT', 'PATCH', 'DELETE']);

/** Where a path with empty, `.` or `..` segments is really; `undefined` when it has none. */
function cleaned(path: string): string | undefined {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const clean = `/${segments.join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
  return clean === path ? undefined : clean;
}

/** Answers a request: its path decides first, then a preflight, then what `early` says, then the endpoint. */
export async function route(instance: Instance, raw: RawRequest, early: () => Reply | undefined): Promise<Reply> {
  const { method, path, query, headers, body } = raw;
  const clean = cleaned(path);
  if (clean !== undefined) return bare(301, { location: query === '' ? clean : `${clean}?${query}` });
  const isEndpoint = ENDPOINT_PREFIXES.some((prefix) => path.startsWith(prefix));
  const methods = isEndpoint ? ENDPOINT_METHODS : API_METHODS;

  const answer = async (): Promise<Reply> => {
    const found = early();
    if (found !== undefined) return found;
    if (!isEndpoint) return manage(instance, raw);
    const endpoint = Object.hasOwn(ENDPOINTS, path) ? ENDPOINTS[path] : undefined;
    if (endpoint === undefined) return text('404 page not found\n', 404);
    const form = parseForm(method, headers['content-type'], body, query);
    return form === undefined ? refuse('invalid_request', 'error parsing form') : endpoint(instance, { ...raw, form });
  };

  const browser = cors(methods, method, headers);
  const reply = browser.answer ?? (await answer());
  const isPlainError = reply.status >= 400 && reply.contentType.startsWith('text/plain');
  const sniffing = isPlainError ? NO_SNIFF : {};
  return { ...reply, headers: { ...(reply.headers ?? NO_STORE), ...sniffing, ...browser.headers } };
}
