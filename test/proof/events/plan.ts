import type { FINE, UNFIT } from './changes.ts';
import type { Edit } from './edits.ts';
import type { Endpoint } from './endpoints.ts';
import { CONTENT_TYPES, ENVELOPES } from './envelopes.ts';
import { EXTRAS } from './extras.ts';
import { FORMS } from './forms.ts';
import { IDENTITIES } from './identities.ts';
import { PATHS } from './paths.ts';
import type { ProfileName } from './profiles.ts';
import { SPELLINGS } from './spellings.ts';

/** The parts of an event and the kinds of each. */
export const KINDS = {
  path: PATHS,
  identity: IDENTITIES,
  form: FORMS,
  spelling: SPELLINGS,
  envelope: ENVELOPES,
  contentType: CONTENT_TYPES,
  extras: EXTRAS,
} as const;

/** A kind, and which of its variants. */
export type Chosen<Kinds> = readonly [name: keyof Kinds & string, variant: number];

type Parts = { readonly [Part in keyof typeof KINDS]: Chosen<(typeof KINDS)[Part]> };

/** An HTTP API's payload 2.0, an HTTP API's payload 1.0, or a REST API's event. */
export type Format = '2.0' | '1.0' | 'REST';

/** What an event is made of: what a counterexample shows. */
export interface Plan extends Parts {
  readonly endpoint: Endpoint;
  readonly format: Format;
  readonly profile: ProfileName;
  readonly fine: readonly Chosen<typeof FINE>[];
  readonly unfit: readonly Chosen<typeof UNFIT>[];
  readonly edits: readonly Edit[];
}
