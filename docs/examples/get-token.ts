import { signedFetch } from './signed-fetch.ts';

interface Answer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly error?: string;
  readonly request_id?: string;
}

/** How long before its expiry a token is asked for again. */
const EARLIER_MS = 60_000;

const kept = new Map<string, { readonly token: string; readonly until: number }>();

/**
 * Gets a ZITADEL access token from the broker, and keeps it until a minute before it expires.
 * @param broker its URL, without a trailing slash
 */
export async function getToken(broker: string, profile: string): Promise<string> {
  const url = `${broker}/${profile}/oauth/v2/token`;
  const known = kept.get(url);
  if (known !== undefined && performance.now() < known.until) return known.token;
  const response = await signedFetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  });
  const answer = (await response.json()) as Answer;
  if (!response.ok)
    throw new Error(`no token for ${profile}: ${response.status} ${answer.error} (request ${answer.request_id})`);
  kept.set(url, { token: answer.access_token, until: performance.now() + answer.expires_in * 1000 - EARLIER_MS });
  return answer.access_token;
}
