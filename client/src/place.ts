import { type Environment, isPrivate } from './credentials.ts';

/** Where the broker is. */
export interface Place {
  /** Without a slash at its end. */
  readonly url: string;
  /** The AWS region to sign for. */
  readonly region: string;
}

const REGION_OF_HOST = /\.execute-api\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com/;

/**
 * Reads the URL of a broker. The default region is the one in the URL, else AWS_REGION.
 * @throws {TypeError} if the URL is not private, or no region is known
 */
export function placeOf(
  given: { readonly url: string; readonly region?: string | undefined },
  env: Environment,
): Place {
  const url = new URL(given.url);
  if (!isPrivate(url) || url.search || url.hash || url.username)
    throw new TypeError('`url` must be https, and a base only');
  const region = given.region ?? REGION_OF_HOST.exec(url.hostname)?.[1] ?? env.AWS_REGION;
  if (!region) throw new TypeError(`no AWS region in ${url.hostname}: give \`region\`, or set AWS_REGION`);
  return { url: url.href.replace(/\/+$/, ''), region };
}
