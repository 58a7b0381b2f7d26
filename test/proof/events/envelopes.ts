import { disturb, namesOf, type Variants } from './variants.ts';

/** The members of an event that hold the body. */
export interface Envelope {
  readonly body: unknown;
  readonly isBase64Encoded?: unknown;
}

const base64 = (bytes: Buffer): Envelope => ({ body: bytes.toString('base64'), isBase64Encoded: true });
const plain = (bytes: Buffer): Envelope => ({ body: bytes.toString('utf8'), isBase64Encoded: false });

/** How a body is put into an event: honestly, or not. */
export const ENVELOPES = {
  base64: (bytes) => [base64(bytes)],
  plain: (bytes) => [plain(bytes)],
  'flag left out': (bytes) => [{ body: bytes.toString('utf8') }],
  'said to be plain, but base64': (bytes) => [{ ...base64(bytes), isBase64Encoded: false }],
  'said to be base64, but plain': (bytes) => [{ ...plain(bytes), isBase64Encoded: true }],
  'flag of another type': (bytes) =>
    ['true', 1, {}, [], 'false', null].map((isBase64Encoded, index) => ({
      ...(index % 2 === 0 ? plain(bytes) : base64(bytes)),
      isBase64Encoded,
    })),
  'base64 of another kind': (bytes) => {
    const text = bytes.toString('base64');
    return [bytes.toString('base64url'), ` ${text}\n`, text.replace(/=+$/, '')].map((body) => ({
      body,
      isBase64Encoded: true,
    }));
  },
  'base64 changed at random': (bytes, variant) => [
    { body: disturb(bytes.toString('base64'), variant), isBase64Encoded: true },
  ],
  'base64 twice': (bytes) => [base64(Buffer.from(bytes.toString('base64')))],
  'body not a text': (bytes) =>
    [null, 7, [bytes.toString()], { grant_type: 'client_credentials' }, true, {}].map((body, index) => ({
      body,
      isBase64Encoded: index % 2 === 0,
    })),
  'lone surrogate in the body': (bytes) =>
    ['\ud800', '&x=\udfff', '&\ud800=1'].map((end) => ({ body: `${bytes}${end}`, isBase64Encoded: false })),
} as const satisfies Readonly<Record<string, (bytes: Buffer, variant: number) => readonly Envelope[]>>;

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
