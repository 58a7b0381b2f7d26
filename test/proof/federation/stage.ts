import type { Row, Table } from '../../../lib/broker/store/table.ts';
import { createFederatedFunction } from '../../../lib/compose/federated.ts';
import type { Clock } from '../../../lib/core/clock.ts';
import { instant } from '../../../lib/core/time.ts';
import type { OAuthRequest, Send } from '../../../lib/oauth/transport.ts';
import { SECRETS } from '../../support/accounts.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { answer, ISSUER, type Outcome } from '../../support/fleet.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';
import { createMemoryTable } from '../../support/memory-table.ts';
import { profilesOf } from '../../support/profiles.ts';
import type { Played } from '../events/answer-rules.ts';
import type { Request } from './reference.ts';
import { DOCUMENT, DOMAIN, NOW_MS, PARTIES, type PartyName, partyNamed } from './setting.ts';

const LIFE_SECONDS = 43_199;
const CONTEXT = { getRemainingTimeInMillis: () => 15_000, awsRequestId: 'b7f2c1d0-5e4a-4c0e-9a55-3f1f6f0e2d11' };

/** The real function for callers without IAM, with ZITADEL in this process. */
export interface Stage {
  /** Hands a request to the function, as an HTTP API does. Rejects if the function does. */
  readonly play: (request: Request) => Promise<Played>;
  /** The same with any event. */
  readonly handle: (event: unknown) => Promise<Played>;
  /** The requests that have left for an issuer. */
  readonly urls: string[];
  /** All that the function has asked for outside of its memory, by name. */
  readonly calls: readonly string[];
  /** What is in the table. */
  readonly rows: ReadonlyMap<string, Row>;
}

/** The event of an HTTP API (payload 2.0). */
export function eventOf({ profile, type, jwt, clientId, isSigned }: Request): object {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  for (const [name, value] of Object.entries({
    client_assertion_type: type,
    client_assertion: jwt,
    client_id: clientId,
  }))
    if (value !== undefined) form.append(name, value);
  const path = `/federated/${encodeURIComponent(profile)}/oauth/v2/token`;
  return {
    version: '2.0',
    routeKey: 'POST /federated/{profile}/oauth/v2/token',
    rawPath: path,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(isSigned && {
        authorization: 'AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/execute-api/aws4_request',
      }),
    },
    pathParameters: { profile },
    requestContext: {
      domainName: DOMAIN,
      stage: '$default',
      requestId: 'JKJaXmPLvHcESHA=',
      http: { method: 'POST', path },
    },
    body: form.toString(),
    isBase64Encoded: false,
  };
}

/** Creates a sandbox in which nothing has happened yet. `issuers` answers what leaves for an issuer. */
export function createStage(clock: Clock, issuers: (url: string) => Outcome | Promise<Outcome>): Stage {
  const secrets = createMemorySecrets();
  secrets.put('orders', SECRETS.orders);
  const calls: string[] = [];
  const rows = new Map<string, Row>();
  const memory = createMemoryTable(rows);
  const table: Table = {
    ...memory,
    read(...args) {
      calls.push('table.read');
      return memory.read(...args);
    },
    update(...args) {
      calls.push('table.update');
      return memory.update(...args);
    },
  };
  const urls: string[] = [];
  let lines: string[] = [];
  const send: Send = async ({ url, body }: OAuthRequest) => {
    calls.push(url);
    if (body !== undefined && url === `${ISSUER}/oauth/v2/token`)
      return answer(200, { access_token: 'issued-by-zitadel', token_type: 'Bearer', expires_in: LIFE_SECONDS });
    urls.push(url);
    return issuers(url);
  };
  const env = { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'test' };
  const uuid = () => '00000000-0000-4000-8000-000000000001';
  const write = (line: string) => void lines.push(line);
  const overrides = { clock, random: () => 0.5, uuid, send, secrets, table, write };
  const handle = createFederatedFunction(profilesOf(DOCUMENT), env, overrides);
  const play = async (event: unknown): Promise<Played> => {
    lines = [];
    return { answer: await handle(event, CONTEXT), lines };
  };
  return {
    urls,
    calls,
    rows,
    play: (request) => play(eventOf(request)),
    handle: play,
  };
}

/** Honest issuers: metadata and keys, where each says that they are. */
export function serveHonestly(url: string) {
  for (const name of Object.keys(PARTIES) as PartyName[]) {
    const { iss, pairs, document } = partyNamed(name);
    const keysUrl = String(document.jwksUri ?? `${iss.replace(/\/$/, '')}/keys`);
    if (url === `${iss.replace(/\/$/, '')}/.well-known/openid-configuration`)
      return answer(200, { issuer: iss, jwks_uri: keysUrl });
    if (url === keysUrl) return answer(200, { keys: Object.values(pairs).map(({ jwk }) => jwk) });
  }
  return answer(404, '');
}

/** A stage with honest issuers, on a clock that stands still. */
export const createHonestStage = (): Stage => createStage(createFakeClock(instant(NOW_MS)), serveHonestly);
