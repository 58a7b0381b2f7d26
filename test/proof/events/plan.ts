import type { FineName, UnfitName } from './changes.ts';
import type { Edit } from './edits.ts';
import type { ContentTypeName, EnvelopeName } from './envelopes.ts';
import type { ExtrasName } from './extras.ts';
import type { FormName } from './forms.ts';
import type { IdentityName } from './identities.ts';
import type { PathName } from './paths.ts';
import type { ProfileName } from './profiles.ts';
import type { SpellingName } from './spellings.ts';

/** What each endpoint has after the profile in its path. */
export const ROUTES = {
  token: '/oauth/v2/token',
  introspect: '/oauth/v2/introspect',
  revoke: '/oauth/v2/revoke',
  metadata: '/.well-known/openid-configuration',
} as const;

export type Endpoint = keyof typeof ROUTES;

/** An HTTP API's payload 2.0, an HTTP API's payload 1.0, or a REST API's event. */
export type Format = '2.0' | '1.0' | 'REST';

/** A kind, and which of its variants. */
export type Chosen<Name extends string> = readonly [name: Name, variant: number];

/** What an event is made of: what a counterexample shows. */
export interface Plan {
  readonly endpoint: Endpoint;
  readonly format: Format;
  readonly profile: ProfileName;
  readonly path: Chosen<PathName>;
  readonly identity: Chosen<IdentityName>;
  readonly form: Chosen<FormName>;
  readonly fine: readonly Chosen<FineName>[];
  readonly unfit: readonly Chosen<UnfitName>[];
  readonly spelling: Chosen<SpellingName>;
  readonly envelope: Chosen<EnvelopeName>;
  readonly contentType: Chosen<ContentTypeName>;
  readonly extras: Chosen<ExtrasName>;
  readonly edits: readonly Edit[];
}

/** Where API Gateway says that it was called. */
export const DOMAIN = 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com';
