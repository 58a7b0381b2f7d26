import { fail, ok } from '../../../lib/core/result.ts';
import { parseJsonObject } from '../../../lib/oauth/token-response.ts';
import type { Send } from '../../../lib/oauth/transport.ts';
import { type AwsContext, checkOf, furtherOf } from './aws-context.ts';
import type { Door } from './aws-view.ts';
import { type Check, type Fact, fault } from './finding.ts';

/** Asks the broker for a token and for its metadata, both without a signature. */
export async function knock(url: string, profile: string, send: Send): Promise<Fact<Door>> {
  const token = await send({
    url: `${url}/${profile}/oauth/v2/token`,
    body: 'grant_type=client_credentials',
    secrets: [],
  });
  if (!token.ok) {
    const { kind, detail } = token.error;
    return fail({ says: `${url} does not answer: ${kind}, ${detail}`, todo: 'check the URL and your network' });
  }
  const metadata = await send({ url: `${url}/${profile}/.well-known/openid-configuration`, secrets: [] });
  if (!metadata.ok) return fail({ says: `has no answer: ${metadata.error.kind}`, todo: 'try again' });
  const endpoint = parseJsonObject(metadata.value.body)?.token_endpoint;
  const isOwn = typeof endpoint === 'string' && endpoint.endsWith(`/${profile}/oauth/v2/token`);
  return ok({
    unsignedStatus: token.value.status,
    metadataStatus: metadata.value.status,
    tokenEndpoint: isOwn ? endpoint : '',
  });
}

const FORBIDDEN = 403;

/** What a stranger is answered. */
export const DOOR_CHECKS: readonly Check<AwsContext>[] = [
  checkOf(
    'ZTB251',
    'request without a signature',
    'refused',
    ({ door }) => door,
    ({ unsignedStatus }) =>
      unsignedStatus === FORBIDDEN
        ? []
        : [
            fault(
              'request without a signature',
              `is answered ${unsignedStatus}, not 403`,
              'check the routes; deploy again',
            ),
          ],
  ),
  furtherOf(
    'ZTB252',
    'metadata',
    'names this broker',
    ({ door }) => door,
    ({ metadataStatus, tokenEndpoint }) => {
      if (metadataStatus !== 200) {
        return [fault('metadata', `is answered ${metadataStatus}`, 'read the log of metadata: docs/operating.md')];
      }
      return tokenEndpoint === ''
        ? [fault('metadata', 'names another token endpoint than the broker has', 'correct the parameter publicUrl')]
        : [];
    },
  ),
];
