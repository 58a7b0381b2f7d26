/** The member of a JSON object that it holds itself; `undefined` of everything that is no object, arrays included. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** The member at the end of a path of names. */
export const memberAt = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce((inner, name) => member(inner, name), value);
