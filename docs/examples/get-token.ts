/**
 * Gets a token from the broker, with a request that is signed (AWS Signature Version 4):
 *
 *   npm start -- --port 8787
 *   export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_SESSION_TOKEN=…
 *   npx node -e "import('./docs/examples/get-token.ts').then(async ({ getToken }) => console.log(await getToken('http://127.0.0.1:8787', 'orders')))"
 *
 * `npm start` prints the keys for the profile `orders`. `npx node` is the Node 24 that `npm ci` installs.
 */
import { signedFetch } from './signed-fetch.ts';

interface Answer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly error?: string;
  /** Instead of `error`: from API Gateway. */
  readonly message?: string;
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
  if (!response.ok) {
    const { error, message, request_id: id } = answer;
    throw new Error(`no token for ${profile}: ${response.status} ${error ?? message}${id ? ` (request ${id})` : ''}`);
  }
  kept.set(url, { token: answer.access_token, until: performance.now() + answer.expires_in * 1000 - EARLIER_MS });
  return answer.access_token;
}
