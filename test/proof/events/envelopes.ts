import { at, disturb } from './variants.ts';

/** The members of an event in which the body travels. */
export interface Envelope {
  readonly body: unknown;
  readonly isBase64Encoded?: unknown;
}

const base64 = (bytes: Buffer): Envelope => ({ body: bytes.toString('base64'), isBase64Encoded: true });
const plain = (bytes: Buffer): Envelope => ({ body: bytes.toString('utf8'), isBase64Encoded: false });

/** How a body is put into an event: honestly, or not. */
export const ENVELOPES = {
  base64,
  plain,
  'flag left out': (bytes) => ({ body: bytes.toString('utf8') }),
  'said to be plain, but base64': (bytes) => ({ ...base64(bytes), isBase64Encoded: false }),
  'said to be base64, but plain': (bytes) => ({ ...plain(bytes), isBase64Encoded: true }),
  'flag of another type': (bytes, variant) => ({
    ...(variant % 2 === 0 ? plain(bytes) : base64(bytes)),
    isBase64Encoded: at<unknown>(['true', 1, {}, [], 'false', null], variant),
  }),
  'base64 of another kind': (bytes, variant) => ({
    body: at(
      [bytes.toString('base64url'), ` ${bytes.toString('base64')}\n`, bytes.toString('base64').replace(/=+$/, '')],
      variant,
    ),
    isBase64Encoded: true,
  }),
  'base64 changed at random': (bytes, variant) => ({
    body: disturb(bytes.toString('base64'), variant),
    isBase64Encoded: true,
  }),
  'base64 twice': (bytes) => base64(Buffer.from(bytes.toString('base64'))),
  'body not a text': (bytes, variant) => ({
    body: at<unknown>([null, 7, [bytes.toString()], { grant_type: 'client_credentials' }, true, {}], variant),
    isBase64Encoded: variant % 2 === 0,
  }),
  'lone surrogate in the body': (bytes, variant) => ({
    body: `${bytes}${at(['\ud800', '&x=\udfff', '&\ud800=1'], variant)}`,
    isBase64Encoded: false,
  }),
} as const satisfies Readonly<Record<string, (bytes: Buffer, variant: number) => Envelope>>;

export type EnvelopeName = keyof typeof ENVELOPES;

const FORM = 'application/x-www-form-urlencoded';

/** The headers of an event as far as they say what the body is. */
export const CONTENT_TYPES = {
  usual: () => ({ 'content-type': FORM }),
  'name in other letters': (variant) => ({ [at(['Content-Type', 'CONTENT-TYPE', 'cOnTeNt-TyPe'], variant)]: FORM }),
  'with parameters': (variant) => ({
    'content-type': at(
      [`${FORM}; charset=utf-8`, `${FORM};charset=UTF-8`, ` ${FORM} ; x="y;z"`, FORM.toUpperCase(), `${FORM};`],
      variant,
    ),
  }),
  another: (variant) => ({
    'content-type': at(
      [
        'application/json',
        'text/plain',
        'multipart/form-data; boundary=b',
        '',
        'application/x-www-form-urlencoded2',
        `x/${FORM}`,
        `${FORM},${FORM}`,
        'application/x-www-form-urlencodeḍ',
        `${FORM}\0`,
      ],
      variant,
    ),
  }),
  none: () => ({ accept: '*/*' }),
  'changed at random': (variant) =>
    variant % 2 === 0 ? { 'content-type': disturb(FORM, variant) } : { [disturb('content-type', variant)]: FORM },
  'two in different letters': (variant) =>
    variant % 2 === 0
      ? { 'Content-Type': FORM, 'content-type': 'text/plain' }
      : { 'CONTENT-TYPE': 'text/plain', 'content-type': FORM },
  'name nearly so called': (variant) => ({
    [at(
      [
        'content_type',
        'content-type ',
        ' content-type',
        'x-content-type',
        'content-typе',
        'content-type\0',
        '__proto__',
      ],
      variant,
    )]: FORM,
  }),
  'not a text': (variant) => ({ 'content-type': at<unknown>([[FORM], null, 7, { 0: FORM }, true], variant) }),
} as const satisfies Readonly<Record<string, (variant: number) => Readonly<Record<string, unknown>>>>;

export type ContentTypeName = keyof typeof CONTENT_TYPES;

/** Those that say that the body is a form. */
export const FORM_TYPES: readonly ContentTypeName[] = ['usual', 'name in other letters', 'with parameters'];
