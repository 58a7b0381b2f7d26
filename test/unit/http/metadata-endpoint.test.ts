import { expect, test } from 'vitest';
import { instant } from '../../../lib/core/time.ts';
import type { RequestRecord } from '../../../lib/http/log.ts';
import { createMetadataEndpoint } from '../../../lib/http/metadata-endpoint.ts';
import { context } from '../../support/events.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const NOW = instant(1_795_438_700_000);
const WELL_KNOWN = '/.well-known/openid-configuration';

async function ask(event: unknown, { isLocal = false, ...more }: { isLocal?: boolean; zitadelIssuer?: string } = {}) {
  const records: RequestRecord[] = [];
  const log = { request: (record: RequestRecord) => void records.push(record), prewarm: () => undefined };
  const handle = createMetadataEndpoint({ clock: createFakeClock(NOW), log, isLocal, ...more });
  const { statusCode, headers, body } = await handle(event, { ...context(), awsRequestId: 'lambda-1' });
  return { statusCode, headers, json: JSON.parse(body), records };
}

const event = (path: object, host: string, domainName: unknown = host.replace(/:.*/, ''), more: object = {}) => {
  const { stagePath, ...own } = { stagePath: undefined, ...path };
  return {
    ...own,
    headers: { HOST: host, ...more },
    pathParameters: { profile: 'orders' },
    requestContext: { domainName, path: stagePath },
  };
};
const rawPath = `/orders${WELL_KNOWN}`;
const spoken = (scheme: string) => event({ rawPath }, 'localhost:80', 'localhost', { 'X-Forwarded-Proto': scheme });

test.each<[name: string, event: unknown, isLocal: boolean, issuer: string]>([
  ['the path', event({ rawPath }, 'b.example'), false, 'https://b.example/orders'],
  ['… with its stage', event({ rawPath: `/dev${rawPath}` }, 'b.example'), false, 'https://b.example/dev/orders'],
  [
    '… of a REST API, whose context has the stage',
    event({ path: rawPath, stagePath: `/dev${rawPath}` }, 'b.example'),
    false,
    'https://b.example/dev/orders',
  ],
  ['… of a REST API without it', event({ path: rawPath }, 'b.example'), false, 'https://b.example/orders'],
  ['another path: the profile', event({ path: '/x/y' }, 'b.example'), false, 'https://b.example/orders'],
  ['no path: the profile', event({}, 'b.example'), false, 'https://b.example/orders'],
  ['the domain, whatever the host is', event({ rawPath }, 'b.example:8443'), false, 'https://b.example/orders'],
  ['no domain', event({ rawPath }, 'b.example', 7), false, 'https:///orders'],
  ['a domain with a user before it', event({ rawPath }, 'b', 'me@b.example'), false, 'https:///orders'],
  ['a domain with a path after it', event({ rawPath }, 'b', 'b.example/x'), false, 'https:///orders'],
  ['no host', { ...event({ rawPath }, 'b.example'), headers: { host: ['b'] } }, false, 'https://b.example/orders'],
  ['local: a port', event({ rawPath }, 'b.example:8443'), true, 'https://b.example:8443/orders'],
  ['… of another host', event({ rawPath }, 'b.example:8443', 'c.example'), true, 'https://c.example/orders'],
  ['… that is none', event({ rawPath }, 'b.example:84x', 'b.example'), true, 'https://b.example/orders'],
  ['… with digits before the end', event({ rawPath }, 'b:1.example', 'b.example'), true, 'https://b.example/orders'],
  ['… and no host', { ...event({ rawPath }, 'b.example'), headers: {} }, true, 'https://b.example/orders'],
  ['local: http if the caller speaks it', spoken('http'), true, 'http://localhost:80/orders'],
  ['… https if the caller speaks that', spoken('https'), true, 'https://localhost:80/orders'],
  ['… https without a word of it', event({ rawPath }, 'localhost:80'), true, 'https://localhost:80/orders'],
  ['deployed: https, whatever the header says', spoken('http'), false, 'https://localhost/orders'],
])('%s', async (_name, given, isLocal, issuer) => {
  const { statusCode, headers, json } = await ask(given, { isLocal });
  expect({ statusCode, issuer: json.issuer }).toEqual({ statusCode: 200, issuer });
  expect(headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'public, max-age=300' });
});

const OAUTH = '/.well-known/oauth-authorization-server';

test.each([
  ['OpenID, no issuer of ZITADEL’s', rawPath, undefined, false],
  ['OpenID', rawPath, 'https://zitadel.example', true],
  ['RFC 8414 below the profile', `/orders${OAUTH}`, 'https://zitadel.example', false],
  ['RFC 8414 before the profile', `${OAUTH}/orders`, 'https://zitadel.example', false],
])('what strict parsers require: %s', async (_name, path, zitadelIssuer, isWhole) => {
  const { json } = await ask(
    event({ rawPath: path }, 'b.example'),
    zitadelIssuer === undefined ? {} : { zitadelIssuer },
  );
  expect(json.issuer).toBe('https://b.example/orders');
  for (const value of Object.values(json)) expect(value).not.toEqual([]);
  const { authorization_endpoint, jwks_uri, subject_types_supported, id_token_signing_alg_values_supported } = json;
  expect([authorization_endpoint, jwks_uri, subject_types_supported, id_token_signing_alg_values_supported]).toEqual(
    isWhole
      ? ['https://zitadel.example/oauth/v2/authorize', 'https://zitadel.example/oauth/v2/keys', ['public'], ['RS256']]
      : [undefined, undefined, undefined, undefined],
  );
});

test.each([
  ['a stage before it', `/dev${OAUTH}/orders`],
  ['more after it', `${OAUTH}/orders/x`],
  ['no name', `${OAUTH}/`],
])('RFC 8414 before the profile, with %s', async (_name, path) => {
  expect((await ask(event({ rawPath: path }, 'b.example'))).statusCode).toBe(400);
});

const record = { at: NOW, route: 'metadata', profile: '', durationMs: 0 };

test.each<[name: string, event: unknown, status: number, id: string, description: string | undefined]>([
  ['an answer', { pathParameters: { profile: 'orders' }, requestContext: { requestId: 'r1' } }, 200, 'r1', undefined],
  ['a name that is none', {}, 400, 'lambda-1', 'the path does not contain a valid profile name'],
  [
    'a bug',
    {
      get pathParameters() {
        throw new TypeError('bug');
      },
    },
    500,
    'lambda-1',
    'an internal error of the broker',
  ],
])('%s, and its line of log, which names no profile', async (_name, given, status, requestId, description) => {
  const { statusCode, json, records } = await ask(given);
  expect(statusCode).toBe(status);
  expect(json.error_description).toBe(description);
  if (status !== 200) expect(json.request_id).toBe(requestId);
  expect(records).toEqual([{ ...record, requestId, status }]);
});
