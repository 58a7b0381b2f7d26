import type { Format } from './plan.ts';
import { ACCOUNT } from './profiles.ts';

/** The session of the usual caller. */
export const USUAL = {
  partition: 'aws',
  account: ACCOUNT,
  role: 'orders-service',
  session: 'i-0abc',
  id: 'AROAEXAMPLEEXAMPLE000',
};

/** What API Gateway says about a signer, in the members that both payload formats have under different names. */
export interface Claims {
  readonly userArn: unknown;
  readonly accountId: unknown;
  readonly callerId: unknown;
  readonly userId: unknown;
}

/** How a caller differs from the usual one; a claim that is `undefined` is missing. */
export interface Identity extends Partial<typeof USUAL>, Partial<Claims> {
  /** Of the ARN, if not those of a session. */
  readonly service?: string;
  readonly region?: string;
  readonly resource?: string;
  /** Where the event holds the claims, if not where its format has them. */
  readonly place?: 'of the other format' | 'headers' | 'beside' | 'under __proto__';
}

/** The claims of a caller. */
export function claimsOf(identity: Identity): Claims {
  const {
    partition,
    account,
    role,
    session,
    id,
    service,
    region,
    resource,
    place: _,
    ...changed
  } = {
    ...USUAL,
    service: 'sts',
    region: '',
    ...identity,
  };
  const arn = `arn:${partition}:${service}:${region}:${account}:${resource ?? `assumed-role/${role}/${session}`}`;
  const callerId = `${id}:${session}`;
  return { userArn: arn, accountId: account, callerId, userId: callerId, ...changed };
}

/** In a literal, it would set the prototype and be no member. */
const PROTO = '__proto__';

/** The members of `requestContext` that say who signed. */
export function contextOf(format: Format, identity: Identity): object {
  const claims = claimsOf(identity);
  const { callerId, userId, ...rest } = claims;
  const iam = { accessKey: 'ASIAEXAMPLE', ...claims };
  const v2 = { authorizer: { iam } };
  const v1 = { identity: { accessKey: 'ASIAEXAMPLE', ...rest, caller: callerId, user: userId, sourceIp: '192.0.2.1' } };
  const [own, other] = format === '2.0' ? [v2, v1] : [v1, v2];
  switch (identity.place) {
    case 'of the other format':
      return other;
    case 'under __proto__': {
      const inherited = { authorizer: { iam: { [PROTO]: iam } }, identity: { [PROTO]: v1.identity } };
      return { ...inherited, [PROTO]: { ...v2, ...v1 } };
    }
    case 'beside':
      return { ...claims, ...iam, authorizer: { ...claims, jwt: { claims }, lambda: v2, claims }, iam };
    case 'headers':
      return {};
    default:
      return own;
  }
}
