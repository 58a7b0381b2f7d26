import type { Kind, Meaning } from './kind.ts';
import { responds } from './token-response.ts';

/** Types of tokens, as JSON texts. */
const TYPES: Readonly<Record<string, Meaning>> = {
  '""': 'nonsense',
  '"bearer"': 'answer',
  '"BEARER"': 'answer',
  '"Bearer "': 'nonsense',
  '" Bearer"': 'nonsense',
  '"Bearer\\n"': 'nonsense',
  '"Bearer\\u0000"': 'nonsense',
  '"Bearer, Basic"': 'nonsense',
  '"\\u0412earer"': 'nonsense',
  '"mac"': 'nonsense',
  '"DPoP"': 'nonsense',
  '"Basic"': 'nonsense',
  '"urn:ietf:params:oauth:token-type:access_token"': 'nonsense',
  '["Bearer"]': 'nonsense',
  '{"type":"Bearer"}': 'nonsense',
  '1': 'nonsense',
};
const types = Object.entries(TYPES).map(([text, meaning]) =>
  responds(`token_type: ${text}`, meaning, () => ({ token_type: text })),
);

/** The life of a token, as JSON texts. */
const LIVES: Readonly<Record<string, Meaning>> = {
  '0': 'nonsense',
  '-0': 'nonsense',
  '-1': 'nonsense',
  '-43199': 'nonsense',
  '0.5': 'nonsense',
  '3600.5': 'nonsense',
  '5': 'answer',
  '19': 'answer',
  '20': 'answer',
  '3600.0': 'answer',
  '3.6e3': 'answer',
  '36E+2': 'answer',
  '2592000': 'answer',
  '2592001': 'nonsense',
  '4294967296': 'nonsense',
  '9007199254740993': 'nonsense',
  '18446744073709551615': 'nonsense',
  '1e308': 'nonsense',
  '1e400': 'nonsense',
  '-1e400': 'nonsense',
  '1e-400': 'nonsense',
  '"3600"': 'nonsense',
  '"3600s"': 'nonsense',
  '"1h"': 'nonsense',
  '""': 'nonsense',
  '[3600]': 'nonsense',
  '{"seconds":3600}': 'nonsense',
  false: 'nonsense',
  // No JSON at all:
  NaN: 'nonsense',
  Infinity: 'nonsense',
  '-Infinity': 'nonsense',
  '0x10': 'nonsense',
  '010': 'nonsense',
  '+3600': 'nonsense',
  '3600.': 'nonsense',
  '.5': 'nonsense',
  '3_600': 'nonsense',
  '3600n': 'nonsense',
  '3600s': 'nonsense',
  undefined: 'nonsense',
};
const lives = Object.entries(LIVES).map(([text, meaning]) =>
  responds(`expires_in: ${text}`, meaning, () => ({ expires_in: text })),
);
/** Too short to be of use: a token must outlive the way to its user. */
const tooShort = ['1', '4'].map((text) => responds(`expires_in: ${text}`, 'nonsense', () => ({ expires_in: text })));

export const tokenLifeKinds: readonly Kind[] = [...types, ...lives, ...tooShort];
