import { ACCOUNT, OTHER_ACCOUNT } from '../profiles.ts';
import { at } from '../variants.ts';
import { arnOf, claims, claimsOf, elsewhere, type IdentityKind, ids, USUAL } from './kind.ts';

const ARN = arnOf(USUAL);
const { id: ID, session: SESSION } = USUAL;

/** Every value that is no text, and texts that look like one of them. */
const NO_TEXTS = [null, 7, true, [ARN], { ARN }, '', {}, [], 'null', '[object Object]'];

/** Callers of whom the members of the event say different things, or too little, or in another place. */
export const CONTRADICTORY = {
  'account of another': claims(
    { accountId: OTHER_ACCOUNT },
    { accountId: '123456789013' },
    { userArn: arnOf({ ...USUAL, account: OTHER_ACCOUNT }) },
  ),
  'account not a text of digits': claims(
    { accountId: 123456789012 },
    { accountId: [ACCOUNT] },
    { accountId: ` ${ACCOUNT}` },
    { accountId: null },
    { accountId: `${ACCOUNT}\n` },
  ),
  'session of another': ids(`${ID}:i-0def`, `${ID}:I-0ABC`, `${ID}:i-0abc2`, `${ID}:i-0ab`, `${ID}:orders-service`),
  'caller id without session': ids(ID, `${ID}:`, SESSION, `:${SESSION}`, ''),
  'caller id of odd form': ids(
    `${ID}:${SESSION}:${SESSION}`,
    `${ID}::${SESSION}`,
    `aroa:${SESSION}`,
    `ARO:${SESSION}`,
    `${ID} :${SESSION}`,
    `${ID}:${SESSION}\n`,
    `${ID}/${SESSION}`,
    `${'A'.repeat(129)}:${SESSION}`,
    `АROA000:${SESSION}`,
  ),
  'caller id not a text': ids(...NO_TEXTS),
  'user id of another': claims(
    { userId: `${ID.slice(0, -1)}1:${SESSION}` },
    { userId: ID },
    { userId: null },
    { userId: [`${ID}:${SESSION}`] },
    { callerId: `AROAOTHER:${SESSION}` },
  ),
  'ARN not a text': {
    fate: 'untrusted',
    make: (variant) => ({ claims: { ...claimsOf(USUAL), userArn: at(NO_TEXTS, variant) }, at: 'usual' }),
  },
  'member missing': {
    fate: 'untrusted',
    make: (variant) => {
      const gone = at(['userArn', 'accountId', 'callerId', 'userId'], variant);
      return {
        claims: Object.fromEntries(Object.entries(claimsOf(USUAL)).filter(([name]) => name !== gone)),
        at: 'usual',
      };
    },
  },
  'no identity': { fate: 'untrusted', make: () => ({ claims: {}, at: 'usual' }) },
  'claims of the other format': elsewhere('of the other format'),
  'claims in the headers': elsewhere('headers'),
  'claims beside their place': elsewhere('beside'),
  'claims under __proto__': elsewhere('under __proto__'),
} as const satisfies Readonly<Record<string, IdentityKind>>;
