/** Opens ZITADEL's own API: its holder can give itself new keys. Never for callers. */
export const ZITADEL_API_SCOPE = 'urn:zitadel:iam:org:project:id:zitadel:aud';

/** The name by which ZITADEL's own project can be asked for as an audience. */
export const ZITADEL_PROJECT = 'zitadel';

/** Adds `id` (of a project or a client) to the `aud` of the token. */
export const audienceScope = (id: string): string => `urn:zitadel:iam:org:project:id:${id}:aud`;

const AUDIENCE_SCOPE = /^urn:zitadel:iam:org:project:id:(.+):aud$/;

/** The audiences that a token requested with these scopes carries besides its own client, in order. */
export const audiencesOf = (scopes: readonly string[]): readonly string[] =>
  [...new Set(scopes.flatMap((scope) => AUDIENCE_SCOPE.exec(scope)?.[1] ?? []))].sort();

/** Whether a token requested with these scopes carries an audience besides its own client. */
export const namesAudience = (scopes: readonly string[]): boolean => audiencesOf(scopes).length > 0;

/** The scopes that a token has which carries `scopes` and these audiences: what its audience lacks opens nothing. */
export const scopesWithin = (scopes: readonly string[], audiences: readonly string[]): readonly string[] =>
  scopes.filter((scope) => {
    const [, audience] = AUDIENCE_SCOPE.exec(scope) ?? [];
    return audience === undefined || audiences.includes(audience);
  });

/** The one order and spelling of a set of scopes. */
export const canonicalScopes = (scopes: Iterable<string>): readonly string[] => [...new Set(scopes)].sort();
