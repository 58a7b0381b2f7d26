import { ACCOUNT } from '../profiles.ts';
import { at } from '../variants.ts';

/** What API Gateway says of a signer, in the members that both payload formats have under different names. */
export interface Claims {
  readonly userArn: unknown;
  readonly accountId: unknown;
  readonly callerId: unknown;
  readonly userId: unknown;
}

/** A session of a role, as it is when everything is in order. */
interface Session {
  readonly partition: string;
  readonly account: string;
  readonly role: string;
  readonly session: string;
  readonly id: string;
}

/** Where an event holds the claims, if not in the place of its format. */
export type ClaimsPlace = 'usual' | 'of the other format' | 'headers' | 'beside' | 'under __proto__';

export interface Identity {
  readonly claims: Partial<Claims>;
  readonly at: ClaimsPlace;
}

/** What is to become of the caller of a kind: let in where the profile lists the role, 403 everywhere, 401, or any of it. */
export type Fate = 'listed' | 'unlisted' | 'untrusted' | 'open';

export interface IdentityKind {
  readonly fate: Fate;
  /** One of the kind's variants; any whole number names one. */
  readonly make: (variant: number) => Identity;
}

/** The session that the usual caller has. */
export const USUAL: Session = {
  partition: 'aws',
  account: ACCOUNT,
  role: 'orders-service',
  session: 'i-0abc',
  id: 'AROAEXAMPLEEXAMPLE000',
};

/** The ARN that API Gateway gives for a session. */
export const arnOf = ({ partition, account, role, session }: Session): string =>
  `arn:${partition}:sts::${account}:assumed-role/${role}/${session}`;

/** What API Gateway says of a session. */
export function claimsOf(session: Session): Claims {
  const callerId = `${session.id}:${session.session}`;
  return { userArn: arnOf(session), accountId: session.account, callerId, userId: callerId };
}

/** A kind whose variants are sessions in order. */
export const sessions = (fate: Fate, ...changes: readonly Partial<Session>[]): IdentityKind => ({
  fate,
  make: (variant) => ({ claims: claimsOf({ ...USUAL, ...at(changes, variant) }), at: 'usual' }),
});

/** A kind whose variants are the usual claims with something changed. */
export const claims = (...changes: readonly Partial<Claims>[]): IdentityKind => ({
  fate: 'untrusted',
  make: (variant) => ({ claims: { ...claimsOf(USUAL), ...at(changes, variant) }, at: 'usual' }),
});

/** A kind whose variants are ARNs in place of the usual one. */
export const arns = (...texts: readonly string[]): IdentityKind => claims(...texts.map((userArn) => ({ userArn })));

/** A kind whose variants are ids in place of the usual one, both of the caller and of the user. */
export const ids = (...texts: readonly unknown[]): IdentityKind =>
  claims(...texts.map((id) => ({ callerId: id, userId: id })));

/** A kind whose claims are right, but not where API Gateway puts them. */
export const elsewhere = (place: ClaimsPlace): IdentityKind => ({
  fate: 'untrusted',
  make: () => ({ claims: claimsOf(USUAL), at: place }),
});
