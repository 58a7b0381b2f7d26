import { disturb, namesOf, type Variants } from './variants.ts';

/** The members of an event that hold the body. */
export interface Envelope {
  readonly body: unknown;
  readonly isBase64Encoded?: unknown;
}

const encoded = (body: string): Envelope => ({ body, isBase64Encoded: true });
const plain = (body: string): Envelope => ({ body, isBase64Encoded: false });

/** How a body is put into an event, given as text and in base64: honestly, or not. */
export const ENVELOPES = {
  base64: (_, base64) => [encoded(base64)],
  plain: (text) => [plain(text)],
  'flag left out': (text) => [{ body: text }],
  'said to be plain, but base64': (_, base64) => [plain(base64)],
  'said to be base64, but plain': (text) => [encoded(text)],
  'flag of another type': (text, base64) =>
    ['true', 1, {}, [], 'false', null].map((flag, index) => ({
      body: index % 2 === 0 ? text : base64,
      isBase64Encoded: flag,
    })),
  'base64 of another kind': (_, base64) =>
    [Buffer.from(base64, 'base64').toString('base64url'), ` ${base64}\n`, base64.replace(/=+$/, '')].map(encoded),
  'base64 changed at random': (_, base64, variant) => [encoded(disturb(base64, variant))],
  'base64 twice': (_, base64) => [encoded(btoa(base64))],
  'body not a text': (text) =>
    [null, 7, [text], { grant_type: 'client_credentials' }, true, {}].map((body, index) => ({
      body,
      isBase64Encoded: index % 2 === 0,
    })),
  'lone surrogate in the body': (text) => ['\ud800', '&x=\udfff', '&\ud800=1'].map((end) => plain(text + end)),
} as const satisfies Readonly<Record<string, (text: string, base64: string, variant: number) => readonly Envelope[]>>;

type Headers = Readonly<Record<string, unknown>>;

export const FORM_TYPE = 'application/x-www-form-urlencoded';

const typed = (...types: readonly unknown[]): readonly Headers[] => types.map((type) => ({ 'content-type': type }));
const named = (...names: readonly string[]): readonly Headers[] => names.map((name) => ({ [name]: FORM_TYPE }));

/** The headers that say that the body is a form. */
const FORM_HEADERS = {
  usual: typed(FORM_TYPE),
  'name in other letters': named('Content-Type', 'CONTENT-TYPE', 'cOnTeNt-TyPe'),
  'with parameters': typed(
    ...[`${FORM_TYPE}; charset=utf-8`, `${FORM_TYPE};charset=UTF-8`, ` ${FORM_TYPE} ; x="y;z"`],
    ...[FORM_TYPE.toUpperCase(), `${FORM_TYPE};`],
  ),
} as const satisfies Readonly<Record<string, Variants<Headers>>>;

/** The headers of an event that say what the body is. */
export const CONTENT_TYPES = {
  ...FORM_HEADERS,
  another: typed(
    ...['application/json', 'text/plain', 'multipart/form-data; boundary=b', '', 'application/x-www-form-urlencoded2'],
    ...[`x/${FORM_TYPE}`, `${FORM_TYPE},${FORM_TYPE}`, 'application/x-www-form-urlencodeḍ', `${FORM_TYPE}\0`],
  ),
  none: [{ accept: '*/*' }],
  'changed at random': (variant) =>
    variant % 2 === 0 ? typed(disturb(FORM_TYPE, variant)) : named(disturb('content-type', variant)),
  'two in different letters': [
    { 'Content-Type': FORM_TYPE, 'content-type': 'text/plain' },
    { 'CONTENT-TYPE': 'text/plain', 'content-type': FORM_TYPE },
  ],
  'name nearly so called': named(
    ...['content_type', 'content-type ', ' content-type', 'x-content-type', 'content-typе', 'content-type\0'],
    '__proto__',
  ),
  'not a text': typed([FORM_TYPE], null, 7, { 0: FORM_TYPE }, true),
} as const satisfies Readonly<Record<string, Variants<Headers>>>;

/** Those that say that the body is a form. */
export const FORM_TYPES = namesOf(FORM_HEADERS);
