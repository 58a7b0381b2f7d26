import { fail, ok, type Result } from '../core/result.ts';

/** The content type of a form (RFC 6749 appendix B). */
export const FORM_TYPE = 'application/x-www-form-urlencoded';

/** The parameters of a form. A parameter without a value counts as not sent (RFC 6749 §3.2). */
export interface Form {
  readonly get: (name: string) => string | undefined;
  /** All values of a repeatable parameter. */
  readonly all: (name: string) => readonly string[];
  readonly has: (name: string) => boolean;
  /** Of the parameters that were sent, in their order. */
  readonly names: () => readonly string[];
}

/** Parameters that may be repeated (RFC 8693 §2.1). */
const REPEATABLE = ['audience', 'resource'];

function decode(text: string): string | undefined {
  try {
    const spaced = text.replaceAll('+', ' ');
    return spaced.includes('%') ? decodeURIComponent(spaced) : spaced.toWellFormed();
  } catch {
    return undefined;
  }
}

/**
 * Parses `application/x-www-form-urlencoded` strictly: no repeated parameter (RFC 6749 §3.2) except those of RFC 8693
 * §2.1, no broken escape, no bytes that are not UTF-8 (RFC 6749 appendix B).
 * @returns the form, or a sentence that says what is wrong without repeating the input
 */
export function parseForm(body: string): Result<Form, string> {
  const form = new Map<string, readonly string[]>();
  for (const pair of body.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return fail('the body is not form-url-encoded UTF-8');
    const known = form.get(name);
    if (known !== undefined && !REPEATABLE.includes(name)) return fail('a parameter is sent more than once');
    form.set(name, [...(known ?? []), ...(value === '' ? [] : [value])]);
  }
  const all = (name: string): readonly string[] => form.get(name) ?? [];
  return ok({
    all,
    get: (name) => all(name)[0],
    has: (name) => all(name).length > 0,
    names: () => [...form].flatMap(([name, values]) => (values.length > 0 ? [name] : [])),
  });
}

/** The parameters of a request: an array sends the parameter once for each value, `undefined` does not send it. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Encodes parameters as `application/x-www-form-urlencoded`, in the order given. */
export function encodeForm(parameters: Parameters): string {
  const form = new URLSearchParams();
  for (const [name, value = []] of Object.entries(parameters)) for (const one of [value].flat()) form.append(name, one);
  return form.toString();
}

/** Form-url-encodes a single value, as RFC 6749 §2.3.1 requires for each half of a Basic credential. */
export const encodeFormValue = (value: string): string => encodeForm({ '': value }).slice(1);
