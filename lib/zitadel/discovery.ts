import type { Result } from '../core/result.ts';
import { isJson, parseJsonObject } from '../oauth/token-response.ts';
import type { OAuthAnswer, OAuthRequest, TransportFault } from '../oauth/transport.ts';

/** Builds the GET of an instance's metadata (OpenID Connect Discovery 1.0 §4). */
export const buildDiscoveryRequest = (issuer: string): OAuthRequest => ({
  url: `${issuer}/.well-known/openid-configuration`,
  secrets: [],
});

/** The issuer that an instance calls itself; `undefined` if the answer does not say. */
export function judgeDiscovery(result: Result<OAuthAnswer, TransportFault>): string | undefined {
  if (!result.ok || result.value.status !== 200 || !isJson(result.value)) return undefined;
  const { issuer } = parseJsonObject(result.value.body) ?? {};
  return typeof issuer === 'string' ? issuer : undefined;
}
