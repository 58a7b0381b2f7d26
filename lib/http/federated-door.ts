import { authorizeWorkload } from '../broker/federation/policy.ts';
import type { VerifyAssertion } from '../broker/federation/verify.ts';
import { ASSERTION_TYPE } from '../broker/federation/verify.ts';
import { isProfileName } from '../broker/profiles/profile.ts';
import { fail } from '../core/result.ts';
import { callerError, type Door } from './endpoint.ts';
import { header, members } from './gateway-request.ts';
import { originOf, requestPath } from './metadata-endpoint.ts';
import { TOKEN_ROUTE } from './token-endpoint.ts';

export interface FederatedDoorDeps {
  readonly verify: VerifyAssertion;
  /** As of the metadata; no trailing slash. */
  readonly publicUrl?: string;
  readonly isLocal: boolean;
}

/**
 * The values of `aud` that mean this request: the broker's URL for callers without IAM, and the profile's issuer under
 * it. Host and path are those that API Gateway has verified and routed.
 */
function audiencesOf(event: unknown, profile: string, { publicUrl, isLocal }: FederatedDoorDeps): readonly string[] {
  const own = `/${profile}${TOKEN_ROUTE}`;
  const path = requestPath(event);
  const mount = path.endsWith(own) ? path.slice(0, -own.length) : '/federated';
  const base = publicUrl === undefined ? `${originOf(event, isLocal)}${mount}` : `${publicUrl}/federated`;
  // Answers name the audiences: what is no name may hold what an answer must not repeat.
  return isProfileName(profile) ? [base, `${base}/${profile}`] : [base];
}

/** Whether the request is also signed by AWS Signature Version 4, in its headers or its query. */
const isSigned = (event: unknown): boolean =>
  header(event, 'authorization').startsWith('AWS4-') ||
  [members(event).queryStringParameters, members(event).multiValueQueryStringParameters].some((query) =>
    Object.keys(members(query)).some((name) => name.toLowerCase() === 'x-amz-signature'),
  );

/** Callers without IAM: they send an assertion in the form (RFC 7523 §2.2). */
export function createFederatedDoor(deps: FederatedDoorDeps): Door {
  return {
    takesAssertion: true,
    authorize: (profiles, name, principal) =>
      principal.kind === 'federated'
        ? authorizeWorkload(profiles, name, principal)
        : fail({ kind: 'not_allowed', detail: 'the caller is not a workload' }),
    async identify(event, request, readForm) {
      if (isSigned(event)) {
        return callerError(
          'invalid_request',
          'the request has two identities: send client_assertion without a signature',
        );
      }
      const sent = readForm();
      if (!sent.ok) return sent;
      const type = sent.value.form.get('client_assertion_type');
      const jwt = sent.value.form.get('client_assertion');
      if (jwt === undefined || type === undefined || !Object.values<string>(ASSERTION_TYPE).includes(type)) {
        const detail = `send client_assertion and client_assertion_type=${ASSERTION_TYPE.jwtBearer}`;
        return fail({ kind: 'assertion_refused', detail });
      }
      return deps.verify({ type, jwt, audiences: audiencesOf(event, request.profile, deps) });
    },
  };
}
