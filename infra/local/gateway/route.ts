import { percentDecode } from './request.ts';

/**
 * A Lambda function. The event is API Gateway's of the chosen payload format, the context is `LambdaContext`; both are
 * `never` here so that a handler of any event type fits.
 */
export type GatewayHandler = (event: never, context: never) => unknown;

/** One route of the API: `handler` answers requests of `method` to `path`. */
export interface Route {
  readonly method: string;
  /** A template such as `/{profile}/oauth/v2/token`; a parameter is one whole segment. */
  readonly path: string;
  readonly handler: GatewayHandler;
  /** The function's name in its context. Default: `local`. */
  readonly functionName?: string;
  /** Needs no authorization. Default: IAM authorization. */
  readonly isPublic?: boolean;
}

/** A route with the decoded values of its template's parameters. */
export interface RouteMatch {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

function match(template: string, segments: readonly string[]): Readonly<Record<string, string>> | undefined {
  const parts = template.split('/');
  if (parts.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const segment = percentDecode(segments[i] ?? '') ?? '';
    const [, name] = /^\{(.+)\}$/.exec(part) ?? [];
    if (name === undefined && part !== segment) return undefined;
    if (name !== undefined && segment === '') return undefined;
    if (name !== undefined) parameters[name] = segment;
  }
  return parameters;
}

/** The path below the stage or base path of the API; `undefined` if it is outside. */
export function belowMount(path: string, mount: string): string | undefined {
  return path.startsWith(`${mount}/`) ? path.slice(mount.length) : undefined;
}

/** The first route for a request. `path` is the percent-encoded path below the mount. */
export function findRoute(routes: readonly Route[], method: string, path: string): RouteMatch | undefined {
  const segments = path.split('/');
  for (const route of routes) {
    const parameters = route.method === method ? match(route.path, segments) : undefined;
    if (parameters !== undefined) return { route, parameters };
  }
  return undefined;
}
