import { ACCOUNT } from './profiles.ts';

/** What API Gateway says about a signer, in the members that both payload formats have under different names. */
export interface Claims {
  readonly userArn: unknown;
  readonly accountId: unknown;
  readonly callerId: unknown;
  readonly userId: unknown;
}

/** What claims are made of: the session of a role. */
interface Session {
  readonly partition: string;
  readonly account: string;
  readonly role: string;
  readonly session: string;
  readonly id: string;
  /** Of the ARN, if not those of a session. */
  readonly service?: string;
  readonly region?: string;
  readonly resource?: string;
}

/** Where an event holds the claims, if not where its format has them. */
export type ClaimsPlace = 'usual' | 'of the other format' | 'headers' | 'beside' | 'under __proto__';

/** How a caller differs from the usual one: in its session, in single claims, or in where the event holds them. */
export type Identity = Partial<Session & Claims & { readonly place: ClaimsPlace }>;

/** The session of the usual caller. */
export const USUAL: Session = {
  partition: 'aws',
  account: ACCOUNT,
  role: 'orders-service',
  session: 'i-0abc',
  id: 'AROAEXAMPLEEXAMPLE000',
};

/** What API Gateway says about a caller; a claim that is `undefined` is missing. */
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
    ...{ service: 'sts', region: '', ...USUAL },
    ...identity,
  };
  const arn = `arn:${partition}:${service}:${region}:${account}:${resource ?? `assumed-role/${role}/${session}`}`;
  const callerId = `${id}:${session}`;
  return { userArn: arn, accountId: account, callerId, userId: callerId, ...changed };
}

/** In a literal, it would set the prototype and be no member. */
const PROTO = '__proto__';

/** The members of `requestContext` that say who signed. */
export function contextOf(format: '2.0' | '1.0' | 'REST', identity: Identity): object {
  const claims = claimsOf(identity);
  const { callerId, userId, ...rest } = claims;
  const iam = { accessKey: 'ASIAEXAMPLE', ...claims };
  const v2 = { authorizer: { iam } };
  const v1 = { identity: { accessKey: 'ASIAEXAMPLE', ...rest, caller: callerId, user: userId, sourceIp: '192.0.2.1' } };
  const { place = 'usual' } = identity;
  switch (place) {
    case 'usual':
      return format === '2.0' ? v2 : v1;
    case 'of the other format':
      return format === '2.0' ? v1 : v2;
    case 'under __proto__':
      return {
        authorizer: { iam: { [PROTO]: iam } },
        identity: { [PROTO]: v1.identity },
        [PROTO]: { ...v2, ...v1 },
      };
    case 'beside':
      return { ...claims, ...iam, authorizer: { ...claims, jwt: { claims }, lambda: v2, claims }, iam };
    case 'headers':
      return {};
  }
}
