import type { Row } from '../../../lib/broker/store/table.ts';
import { createFederatedFunction } from '../../../lib/compose/federated.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { tokenEvent } from '../../support/events.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { answer, createFleet, ISSUER, type Outcome, START } from '../../support/fleet.ts';
import { profilesOf } from '../../support/profiles.ts';
import type { Played } from '../events/answer-rules.ts';
import type { Request } from './reference.ts';
import { DOCUMENT, DOMAIN, PARTIES } from './setting.ts';

const CONTEXT = { getRemainingTimeInMillis: () => 15_000, awsRequestId: 'b7f2c1d0-5e4a-4c0e-9a55-3f1f6f0e2d11' };
const SIGNATURE = 'AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-central-1/execute-api/aws4_request';

/** The real function for callers without IAM, with ZITADEL in this process. */
export interface Stage {
  /** Hands a request to the function, as an HTTP API does. Rejects if the function does. */
  readonly play: (request: Request) => Promise<Played>;
  /** The same with any event. */
  readonly handle: (event: unknown) => Promise<Played>;
  /** The requests that have left for an issuer. */
  readonly urls: string[];
  /** How often the function has asked for something outside of its memory. */
  readonly calls: () => number;
  /** What is in the table. */
  readonly rows: ReadonlyMap<string, Row>;
}

/** The event of an HTTP API (payload 2.0). */
export function eventOf({ profile, type, jwt, clientId, isSigned }: Request): Record<string, unknown> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(type !== undefined && { client_assertion_type: type }),
    ...(jwt !== undefined && { client_assertion: jwt }),
    ...(clientId !== undefined && { client_id: clientId }),
  });
  return tokenEvent(profile, form.toString(), {
    rawPath: `/federated/${encodeURIComponent(profile)}/oauth/v2/token`,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(isSigned && { authorization: SIGNATURE }),
    },
    requestContext: { domainName: DOMAIN, requestId: 'JKJaXmPLvHcESHA=' },
  });
}

/** Creates a sandbox in which nothing has happened yet. `issuers` answers what leaves for an issuer. */
export function createStage(
  issuers: (url: string) => Outcome | Promise<Outcome>,
  clock = createFakeClock(START),
): Stage {
  const { table, secrets, send: sendToZitadel, sent } = createFleet();
  const urls: string[] = [];
  let lines: string[] = [];
  const send: Send = (request) => {
    if (request.url === `${ISSUER}/oauth/v2/token`) return sendToZitadel(request);
    urls.push(request.url);
    return Promise.resolve(issuers(request.url));
  };
  const env = { TABLE_NAME: 'tokens', METRICS_NAMESPACE: 'test' };
  const uuid = () => '00000000-0000-4000-8000-000000000001';
  const write = (line: string) => void lines.push(line);
  const overrides = { clock, random: () => 0.5, uuid, send, secrets, table, write };
  const handleEvent = createFederatedFunction(profilesOf(DOCUMENT), env, overrides);
  const handle = async (event: unknown): Promise<Played> => {
    lines = [];
    return { answer: await handleEvent(event, CONTEXT), lines };
  };
  return {
    urls,
    calls: () => urls.length + sent.length + secrets.reads() + table.reads() + table.updates.length,
    rows: table.rows,
    play: (request) => handle(eventOf(request)),
    handle,
  };
}

/** Honest issuers: metadata and keys, where each says that they are. */
export function serveHonestly(url: string): Outcome {
  for (const { iss, pairs, document } of Object.values(PARTIES)) {
    const origin = iss.replace(/\/$/, '');
    const keysUrl = String(document.jwksUri ?? `${origin}/keys`);
    if (url === `${origin}/.well-known/openid-configuration`) return answer(200, { issuer: iss, jwks_uri: keysUrl });
    if (url === keysUrl) return answer(200, { keys: Object.values(pairs).map(({ jwk }) => jwk) });
  }
  return answer(404, '');
}

/** A stage with honest issuers, on a clock that stands still. */
export const createHonestStage = (): Stage => createStage(serveHonestly);
