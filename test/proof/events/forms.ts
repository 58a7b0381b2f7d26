import type { Endpoint } from './endpoints.ts';
import type { ProfileName } from './profiles.ts';
import { SENT, TOKEN_EXCHANGE, TOKEN_TYPES } from './tokens.ts';
import { at } from './variants.ts';

type Pair = readonly [name: string, value: string];

/** Parameters in the order in which they are sent; a name may come twice. */
export type Pairs = readonly Pair[];

/** What a request begins with, before it is changed. */
export const FORMS = {
  own: () => [['grant_type', 'client_credentials']],
  exchange: (variant) => [
    ['grant_type', TOKEN_EXCHANGE],
    ['subject_token', at(SENT.goodSubjects, variant)],
    ['subject_token_type', variant % 5 === 0 ? TOKEN_TYPES.id_token : TOKEN_TYPES.access_token],
  ],
  reference: (variant) => [['token', at([...SENT.active, ...SENT.unknown], variant)]],
} as const satisfies Readonly<Record<string, (variant: number) => Pairs>>;

export type FormName = keyof typeof FORMS;

/** The form that the endpoint wants, and for a token the profile. */
export function fittingForm(endpoint: Endpoint, profile: ProfileName): FormName {
  if (endpoint !== 'token') return 'reference';
  return profile === 'exchanging' || profile === 'portal' ? 'exchange' : 'own';
}

/** The usual way to write parameters down. */
export const spell = (pairs: Pairs): string =>
  new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString();
