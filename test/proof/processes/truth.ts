import { request } from 'node:http';
import { accounts } from '../../support/rig.ts';

const { clientId, clientSecret } = accounts.apiSecret;

const HEADERS = {
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
  'content-type': 'application/x-www-form-urlencoded',
};

/**
 * Asks the ZITADEL at `url` itself about a token, past all that can fail on the way: epoch milliseconds of its end,
 * `undefined` where it is not good.
 */
export function tokenEnd(url: string, token: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/oauth/v2/introspect`,
      { method: 'POST', headers: HEADERS, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const { active, exp } = JSON.parse(text) as { active: boolean; exp?: number };
          resolve(active && exp !== undefined ? exp * 1000 : undefined);
        });
      },
    );
    sent.on('error', reject);
    sent.end(new URLSearchParams({ token }).toString());
  });
}
