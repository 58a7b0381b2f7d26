import { createHash } from 'node:crypto';
import { type Case, nameOf } from './case.ts';
import { DEFECTS } from './defects.ts';
import { awsErrorKinds } from './kinds/aws-errors.ts';
import { connectionKinds } from './kinds/connection.ts';
import { echoKinds } from './kinds/echo.ts';
import { framingKinds } from './kinds/framing.ts';
import { introspectionKinds } from './kinds/introspection.ts';
import { jsonKinds } from './kinds/json.ts';
import type { Kind } from './kinds/kind.ts';
import { noHttpKinds } from './kinds/no-http.ts';
import { refusalKinds } from './kinds/refusal.ts';
import { rowKinds } from './kinds/row.ts';
import { secretKinds } from './kinds/secret.ts';
import { sizeKinds } from './kinds/size.ts';
import { statusKinds } from './kinds/status.ts';
import { tlsKinds } from './kinds/tls.ts';
import { tokenKinds } from './kinds/token.ts';
import type { Place } from './place.ts';
import { PLACES } from './places.ts';

/** All kinds of answer. */
export const KINDS: readonly Kind[] = [
  ...connectionKinds,
  ...statusKinds,
  ...framingKinds,
  ...noHttpKinds,
  ...sizeKinds,
  ...jsonKinds,
  ...tokenKinds,
  ...refusalKinds,
  ...echoKinds,
  ...introspectionKinds,
  ...awsErrorKinds,
  ...secretKinds,
  ...rowKinds,
  ...tlsKinds,
];

/** TLS is the same for all credentials. */
const TLS_PLACES = ['client credentials', 'introspection', 'revocation'];

const isPlayed = ({ means, greets, isTls }: Kind, place: Place): boolean =>
  means[place.scope] !== undefined && (place.isWhole || !greets) && (!isTls || TLS_PLACES.includes(place.name));

/** A kind that is played at one or two sorts of place alone. */
const isSpecial = ({ means }: Kind): boolean => Object.keys(means).length <= 2;

/** A number from 0 to 255 that a name always has: shares drawn by it follow no pattern of the kinds, and stay as they are. */
const lotOf = (name: string): number => createHash('sha256').update(name).digest()[0] ?? 0;

/** Every kind at every place where it can be met, with and without a token that is known. */
export const ALL_CASES: readonly Case[] = PLACES.flatMap((place) =>
  (place.canKnow ? [false, true] : [false]).flatMap((isKnown) =>
    KINDS.filter((kind) => isPlayed(kind, place)).map((kind) => ({ kind, place, isKnown })),
  ),
);

/** Of the kinds that can be met everywhere, each place has another share; special ones are played where they are at home. */
function isDrawn(played: Case): boolean {
  const { kind, place, isKnown } = played;
  const every = isKnown ? place.every.known : place.every.none;
  const isOwn = !isKnown && place.isHome === true && isSpecial(kind);
  return isOwn || lotOf(nameOf(played)) % every === 0 || DEFECTS.some(({ example }) => example === nameOf(played));
}

/** What a whole run plays. */
export const CASES: readonly Case[] = ALL_CASES.filter(isDrawn);

/** So many cases, evenly chosen from all kinds, each at another of its places: what a test run has time for. */
export function sliceOf(cases: readonly Case[], count: number): readonly Case[] {
  const byKind = new Map<string, Case[]>();
  for (const played of cases) byKind.set(played.kind.name, [...(byKind.get(played.kind.name) ?? []), played]);
  const once = [...byKind.values()].flatMap((same, at) => same[at % same.length] ?? []);
  const step = Math.max(1, once.length / count);
  return once.filter((_played, at) => Math.floor(at / step) !== Math.floor((at - 1) / step));
}
