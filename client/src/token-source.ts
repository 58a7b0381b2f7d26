/** Where the tokens of a profile come from, and where they go when an API refuses them. */
export interface TokenSource {
  token(options?: { readonly signal?: AbortSignal | undefined }): Promise<{ readonly token: string }>;
  reject(token: string): void;
}

/**
 * Rejects a token that an API refused, and answers the one to repeat the request with; undefined where none can be had, since
 * the API's own answer says more then.
 */
export async function replace(
  source: TokenSource,
  refused: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  source.reject(refused);
  const other = await source.token({ signal }).catch(() => undefined);
  return other?.token === refused ? undefined : other?.token;
}
