import { Agent, request } from 'node:http';
import type { Proper, Sent } from './play.ts';
import { accounts, SECRETS } from './profiles.ts';

/** What ZITADEL answers when it is well. */
export function zitadelAnswer(sent: Sent, token: string): Proper {
  const proper = (members: object): Proper => ({
    status: 200,
    type: 'application/json',
    body: JSON.stringify(members),
  });
  if (sent.head.startsWith('POST /oauth/v2/revoke ')) return { status: 200, type: 'application/json', body: '' };
  if (sent.head.startsWith('POST /oauth/v2/introspect '))
    return proper({ active: true, sub: '300000000000000001', client_id: accounts.saSecret.clientId });
  const isExchange = sent.body.includes('subject_token=');
  return proper({
    access_token: token,
    token_type: 'Bearer',
    expires_in: 43_199,
    ...(isExchange ? { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' } : {}),
  });
}

/** What Secrets Manager answers when it is well. */
export function secretAnswer({ body }: Sent): Proper {
  const name = Object.keys(SECRETS).find((candidate) => body.includes(`"${candidate}"`)) ?? '';
  return {
    status: 200,
    type: 'application/x-amz-json-1.1',
    body: JSON.stringify({
      ARN: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbCdEf`,
      Name: name,
      SecretString: SECRETS[name],
      VersionId: '11111111-2222-3333-4444-555555555555',
      VersionStages: ['AWSCURRENT'],
    }),
  };
}

/** Hands requests on to a table that is well. */
export function createTableProxy(url: string): (sent: Sent) => Promise<Proper> {
  const agent = new Agent({ keepAlive: true });
  return ({ head, body }) =>
    new Promise((resolve, reject) => {
      const lines = head.split('\r\n').slice(1);
      const headers = Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]));
      const sent = request(url, { method: 'POST', agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: 'application/x-amz-json-1.0',
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      sent.on('error', reject);
      sent.end(Buffer.from(body, 'latin1'));
    });
}
