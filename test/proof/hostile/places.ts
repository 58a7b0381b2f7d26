import type { Ask, Place } from './place.ts';
import type { Sent } from './play.ts';

/** The token that callers send to have it exchanged, introspected or revoked. */
export const CALLERS_TOKEN = 'Kb5-callers-own-token-xWqZrTyPsDfGhJk';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const FORMS = {
  token: 'grant_type=client_credentials',
  exchange: `grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=${CALLERS_TOKEN}&subject_token_type=${ACCESS_TOKEN}`,
  one: `token=${CALLERS_TOKEN}`,
};

const ask = (profile: string, endpoint: Ask['endpoint'] = 'token', form: string = FORMS.token): Ask => ({
  profile,
  endpoint,
  form,
});

const toPath = (path: string) => (sent: Sent) => sent.head.startsWith(`POST ${path} `);
const isToken = toPath('/oauth/v2/token');
const isExchange = (sent: Sent) => isToken(sent) && sent.body.includes('subject_token=');
const isOperation = (operation: string) => (sent: Sent) => sent.head.includes(`.${operation}\r\n`);
const isUpdate = isOperation('UpdateItem');
const isAcquire = (sent: Sent) => isUpdate(sent) && sent.body.includes('SET #owner');
const isPublish = (sent: Sent) => isUpdate(sent) && sent.body.includes('SET #sealed');
const isRemembered = (sent: Sent) => isUpdate(sent) && sent.body.includes('ADD #notices');
const isSecret = (name: string) => (sent: Sent) => sent.body.includes(`"${name}"`);

/** One request to ZITADEL; a refused key is tried again after 0.5 s. */
const ZITADEL_MS = 3_600;
/** One read of a secret, and again where it proved wrong. */
const SECRET_MS = 4_600;
/** A few calls of the table, 300 ms each. */
const TABLE_MS = 1_800;

const zitadel = (name: string, of: Pick<Place, 'scope' | 'ask' | 'isMark'> & Partial<Place>): Place => ({
  name,
  dependency: 'zitadel',
  isWhole: true,
  canKnow: of.scope === 'token',
  limitMs: ZITADEL_MS,
  every: { none: 1, known: 8 },
  ...of,
});

const table = (name: string, of: Pick<Place, 'scope' | 'ask' | 'isMark'> & Partial<Place>): Place => ({
  name,
  dependency: 'dynamodb',
  isWhole: false,
  canKnow: true,
  limitMs: TABLE_MS,
  every: { none: 1, known: 8 },
  ...of,
});

/** All places. */
export const PLACES: readonly Place[] = [
  zitadel('client credentials', {
    scope: 'token',
    ask: ask('own'),
    isMark: isToken,
    isHome: true,
    every: { none: 1, known: 2 },
  }),
  zitadel('client credentials without a table', {
    scope: 'token',
    ask: ask('own'),
    isMark: isToken,
    isTableAway: true,
    every: { none: 16, known: 8 },
  }),
  zitadel('JWT bearer', { scope: 'token', ask: ask('keyed'), isMark: isToken, every: { none: 4, known: 12 } }),
  zitadel('client credentials with a key', {
    scope: 'token',
    ask: ask('asserted'),
    isMark: isToken,
    every: { none: 6, known: 12 },
  }),
  zitadel('token exchange', {
    scope: 'token',
    ask: ask('exchanged'),
    before: ask('own'),
    isMark: isExchange,
    every: { none: 4, known: 12 },
  }),
  zitadel('token exchange for a caller', {
    scope: 'token',
    ask: ask('behalf', 'token', FORMS.exchange),
    isMark: isExchange,
    isHome: true,
    canKnow: false,
    every: { none: 2, known: 1 },
  }),
  zitadel('introspection', {
    scope: 'introspection',
    ask: ask('introspecting2', 'introspect', FORMS.one),
    isMark: toPath('/oauth/v2/introspect'),
    isHome: true,
    every: { none: 2, known: 1 },
  }),
  zitadel('introspection with a key', {
    scope: 'introspection',
    ask: ask('introspecting', 'introspect', FORMS.one),
    isMark: toPath('/oauth/v2/introspect'),
    every: { none: 6, known: 1 },
  }),
  zitadel('revocation', {
    scope: 'revocation',
    ask: ask('revoking', 'revoke', FORMS.one),
    isMark: toPath('/oauth/v2/revoke'),
    isHome: true,
    every: { none: 2, known: 1 },
  }),
  {
    name: 'GetSecretValue',
    dependency: 'secrets-manager',
    scope: 'secret',
    ask: ask('own'),
    isMark: isSecret('account'),
    isWhole: true,
    isHome: true,
    canKnow: true,
    limitMs: SECRET_MS,
    every: { none: 1, known: 3 },
  },
  {
    name: 'GetSecretValue for introspection',
    dependency: 'secrets-manager',
    scope: 'secret',
    ask: ask('introspecting2', 'introspect', FORMS.one),
    isMark: isSecret('application'),
    isWhole: true,
    canKnow: false,
    limitMs: SECRET_MS,
    every: { none: 6, known: 1 },
  },
  table('GetItem', {
    scope: 'item',
    ask: ask('own'),
    isMark: isOperation('GetItem'),
    isWhole: true,
    isHome: true,
    every: { none: 2, known: 4 },
  }),
  table('UpdateItem that takes the lease, not made', {
    scope: 'update',
    ask: ask('own'),
    isMark: isAcquire,
    isWritten: false,
    every: { none: 16, known: 48 },
  }),
  table('UpdateItem that takes the lease, made', {
    scope: 'update',
    ask: ask('own'),
    isMark: isAcquire,
    isWritten: true,
    isHome: true,
    every: { none: 3, known: 8 },
  }),
  table('UpdateItem that publishes, not made', {
    scope: 'update',
    ask: ask('own'),
    isMark: isPublish,
    isWritten: false,
    every: { none: 6, known: 12 },
  }),
  table('UpdateItem that publishes, made', {
    scope: 'update',
    ask: ask('own'),
    isMark: isPublish,
    isWritten: true,
    every: { none: 8, known: 16 },
  }),
  table('UpdateItem that remembers a revocation', {
    scope: 'update',
    ask: ask('revoking', 'revoke', FORMS.one),
    isMark: isRemembered,
    isWritten: false,
    isHome: true,
    every: { none: 4, known: 1 },
    canKnow: false,
  }),
];
