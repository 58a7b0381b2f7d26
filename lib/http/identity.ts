import type { Principal } from '../broker/profiles/caller.ts';
import type { BrokerError } from '../core/error.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { members } from './gateway-request.ts';

/** The claims of API Gateway's IAM authorizer about a caller, from either place. */
interface Claims {
  readonly userArn: unknown;
  readonly accountId: unknown;
  /** `{role id}:{session name}`. */
  readonly callerId: unknown;
  readonly userId: unknown;
}

const ASSUMED_ROLE_ARN = /^arn:(aws(?:-[a-z]+)*):sts::(\d{12}):assumed-role\/([\w+=,.@-]{1,64})\/([\w+=,.@-]{2,64})$/;
const CALLER_ID = /^[A-Z0-9]{4,128}:([\w+=,.@-]{2,64})$/;

/** HTTP API payload 2.0: `requestContext.authorizer.iam`. Otherwise (1.0 and REST): `requestContext.identity`. */
function claims(event: unknown): Claims {
  const { version, requestContext } = members(event);
  if (version === '2.0') {
    const { userArn, accountId, callerId, userId } = members(members(members(requestContext).authorizer).iam);
    return { userArn, accountId, callerId, userId };
  }
  const { userArn, accountId, caller, user } = members(members(requestContext).identity);
  return { userArn, accountId, callerId: caller, userId: user };
}

const untrusted = (detail: string) => fail<BrokerError>({ kind: 'untrusted_caller', detail });

/**
 * The caller of an event. Uses only what API Gateway's IAM authorizer writes, never what a caller sends. Cross-checks
 * the members, so that it refuses events of other origins or of unknown formats.
 */
export function identify(event: unknown): Result<Principal, BrokerError> {
  const { userArn, accountId, callerId, userId } = claims(event);
  if (typeof userArn !== 'string')
    return untrusted('the event contains no IAM identity: does the route use IAM authorization?');
  const arn = ASSUMED_ROLE_ARN.exec(userArn);
  if (arn === null) return untrusted('the caller is not an assumed IAM role');
  const [, partition = '', account = '', role = '', session = ''] = arn;
  if (accountId !== account) return untrusted("the account of the ARN is not the caller's account");
  const caller = typeof callerId === 'string' ? CALLER_ID.exec(callerId) : null;
  if (caller?.[1] !== session) return untrusted("the session of the ARN is not the caller id's");
  if (userId !== callerId) return untrusted('user id and caller id differ');
  return ok({ kind: 'iam_role', partition, account, role });
}
