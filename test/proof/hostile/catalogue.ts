import { createHash } from 'node:crypto';
import { awsKinds } from './kinds/aws.ts';
import { bodyKinds } from './kinds/bodies.ts';
import type { Kind } from './kinds/kind.ts';
import { oauthKinds } from './kinds/oauth.ts';
import { tlsKinds } from './kinds/tls.ts';
import { wireKinds } from './kinds/wire.ts';
import { PLACES, type Place } from './places.ts';

/** One hostile answer, at one place. */
export interface Case {
  readonly kind: Kind;
  readonly place: Place;
  /** Whether a token is known that is in its last minute: callers wait for its renewal. */
  readonly isKnown: boolean;
}

/** What a case is called. */
export const nameOf = ({ kind, place, isKnown }: Case): string =>
  `${place.dependency}, ${place.name}${isKnown ? ', a token is known' : ''}: ${kind.name}`;

/** All kinds of answer. */
export const KINDS: readonly Kind[] = [...wireKinds, ...bodyKinds, ...oauthKinds, ...awsKinds, ...tlsKinds];

/** TLS is the same for all credentials. */
const TLS_PLACES = ['client credentials', 'introspection', 'revocation'];

/** A kind that greets meets all that comes on a connection: also the reads before a write. */
const isPlayed = ({ means, greets, security }: Kind, { scope, name }: Place): boolean =>
  means[scope] !== undefined &&
  !(greets && scope === 'update') &&
  (security === undefined || TLS_PLACES.includes(name));

/** Every kind at every place where the broker can meet it, with and without a known token. */
export const ALL_CASES: readonly Case[] = PLACES.flatMap((place) =>
  place.every.flatMap((_every, at) =>
    KINDS.filter((kind) => isPlayed(kind, place)).map((kind) => ({ kind, place, isKnown: at === 1 })),
  ),
);

/** A number from 0 to 255 that a name always has, so that shares drawn by it follow no pattern, and stay as they are. */
const lotOf = (name: string): number => createHash('sha256').update(name).digest()[0] ?? 0;

/** Each place has another share of the kinds. Those for one or two scopes are special: all are played at their home. */
function isDrawn(played: Case): boolean {
  const { kind, place, isKnown } = played;
  const isOwn = !isKnown && place.isHome === true && Object.keys(kind.means).length <= 2;
  return isOwn || lotOf(nameOf(played)) % (place.every[isKnown ? 1 : 0] ?? 1) === 0;
}

/** What a whole run plays. */
export const CASES: readonly Case[] = ALL_CASES.filter(isDrawn);
