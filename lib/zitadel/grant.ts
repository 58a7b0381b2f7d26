import { fail, ok, type Result } from '../core/result.ts';
import type { Credential } from './credential.ts';

/** How a credential obtains a token: RFC 6749 §4.4, RFC 7523 §2.1, RFC 8693. */
export const GRANTS = ['client_credentials', 'jwt-bearer', 'token-exchange'] as const;
export type Grant = (typeof GRANTS)[number];

const KIND_NAME: Readonly<Record<Credential['kind'], string>> = {
  client_secret: 'a client id and secret',
  service_account_key: 'a service-account key',
  application_key: 'an application key',
};

/** The grants that ZITADEL (or, for client_credentials with a key, RFC 7521 §6.2) supports for each credential. */
const POSSIBLE: Readonly<Record<Credential['kind'], readonly Grant[]>> = {
  client_secret: ['client_credentials', 'token-exchange'],
  service_account_key: ['jwt-bearer'],
  application_key: ['token-exchange', 'client_credentials'],
};

/**
 * The grant for a credential: the profile's own or, by default, the one that follows from the kind of credential and
 * from whether the profile has a subject.
 * @returns the grant, or a sentence that says how to fix the profile
 */
export function chooseGrant(
  { kind }: Pick<Credential, 'kind'>,
  { grant, hasSubject }: { grant?: Grant | undefined; hasSubject: boolean },
): Result<Grant, string> {
  const possible = POSSIBLE[kind];
  if (grant !== undefined) {
    if (possible.includes(grant)) return ok(grant);
    return fail(`${KIND_NAME[kind]} cannot be used with grant: ${grant}; it can with ${possible.join(' or ')}`);
  }
  if (kind === 'service_account_key') {
    if (!hasSubject) return ok('jwt-bearer');
    return fail(
      'a service-account key cannot exchange the token of a subject; use an application credential, or drop subject',
    );
  }
  if (hasSubject) return ok('token-exchange');
  if (kind === 'client_secret') return ok('client_credentials');
  return fail(
    'an application key obtains no token on its own at ZITADEL: name the profile whose token it exchanges (subject), ' +
      'or set grant: client_credentials for a server that accepts RFC 7521 §6.2',
  );
}
