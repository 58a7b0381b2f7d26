import type { Kind } from './kinds/kind.ts';
import type { Place } from './place.ts';

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
