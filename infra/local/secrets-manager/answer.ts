/** The answer of an operation: the members of its output shape, or an error with the service's name and wording. */
export type Answer<T = Readonly<Record<string, unknown>>> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly type: string; readonly message: string };

/** A refusal, on the wire as `{"__type": type, "Message": message}`. */
export type Refusal = Extract<Answer, { ok: false }>;

/** An output shape. */
export function answered<T>(value: T): Answer<T> {
  return { ok: true, value };
}

/** Timestamps on the wire are epoch seconds with a fraction. */
export const epochSeconds = (instantMs: number) => instantMs / 1000;

/** A client error. All client errors of this service have status 400, also for unknown secrets. */
export function refused(type: string, message: string): Refusal {
  return { ok: false, status: 400, type, message };
}

/** `ResourceNotFoundException`: the whole secret, or the version that `what` names. */
export function notFound(what?: string): Refusal {
  const value = what === undefined ? '' : ` value for ${what}`;
  const end = what === undefined ? '.' : '';
  return refused('ResourceNotFoundException', `Secrets Manager can't find the specified secret${value}${end}`);
}
